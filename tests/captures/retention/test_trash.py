"""The trash of captures: out of the lists, restored until their time is over, then purged."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from captures.models import Capture, CaptureFile, Experiment, ExperimentCapture
from captures.storage.archives.models import Archive, ArchiveFile, ArchiveFolder
from captures.storage.retention.cleanup import ClipCleanup
from captures.storage.retention.jobs import clean_up_clips
from captures.storage.retention.manager import StorageManager
from captures.storage.trash.services import (
    CaptureKept,
    NotInTrash,
    delete_rows,
    pin_capture,
    restore_capture,
    trash_capture,
)
from core.events.models import Event
from core.jobs.context import JobContext
from tests.harness.kills.killed_job import KILLED, exit_status
from tests.harness.rows.captures import file_of, saved
from tests.harness.rows.clip_archive import ClipArchive, configured

pytestmark = pytest.mark.django_db


def taken(archive: ClipArchive, **fields: object) -> Capture:
    return file_of(saved(archive.camera, host="main", **fields), archive.root).capture


def trashed(archive: ClipArchive, days: float) -> Capture:
    capture = taken(archive)
    trash_capture(capture, "boss")
    Capture.objects.filter(pk=capture.pk).update(trashed_at=timezone.now() - timedelta(days=days))
    return capture


def pictures(archive: ClipArchive) -> int:
    return sum(path.is_file() for path in (archive.folder / "captures").rglob("*"))


def experiment(state: str) -> Experiment:
    now = timezone.now()
    times = {"started_at": now, "ended_at": now} if state not in ("planned", "running") else {}
    times |= {"started_at": now} if state == "running" else {}
    return Experiment.objects.create(name="Dew", operator="ada", still_interval_s=60, state=state, **times)


def test_a_capture_in_the_trash_keeps_its_file_and_can_be_restored(archive: ClipArchive) -> None:
    capture = trashed(archive, 29)
    archive.cleanup.run()
    restore_capture(capture, "boss")
    capture.refresh_from_db()
    assert capture.trashed_at is None
    assert pictures(archive) == 1
    assert [event.kind for event in Event.objects.order_by("id")] == ["capture.trashed", "capture.restored"]


def test_after_its_time_the_files_of_a_capture_are_deleted_and_its_row_stays(archive: ClipArchive) -> None:
    capture = trashed(archive, 31)
    archive.cleanup.run()
    capture.refresh_from_db()
    assert pictures(archive) == 0
    assert capture.files.count() == 0
    assert "was moved to the trash at" in capture.message
    assert Event.objects.get(kind="capture.deleted").actor == "boss"
    with pytest.raises(NotInTrash, match="its files were deleted"):
        restore_capture(capture, "boss")


def test_the_days_in_the_trash_can_be_set(archive: ClipArchive, retention: Callable[..., None]) -> None:
    retention(trash_days=60)
    trashed(archive, 31)
    archive.cleanup.run()
    assert pictures(archive) == 1


def test_a_plan_lists_what_is_to_be_purged_and_a_restored_capture_stays(archive: ClipArchive) -> None:
    first, second = trashed(archive, 31), trashed(archive, 31)
    manager = StorageManager("main")
    plan = manager.plan()
    restore_capture(first, "boss")
    manager.execute(plan)
    assert [(item.table, item.why) for item in plan.items] == [("captures", "trash")] * 2
    assert first.files.count() == 1
    assert second.files.count() == 0


def test_a_plan_deletes_no_file_that_a_capture_got_after_it(archive: ClipArchive) -> None:
    capture = trashed(archive, 31)
    manager = StorageManager("main")
    plan = manager.plan()
    later = file_of(capture, archive.root, "captures/sim/later.dng", kind="dng")
    manager.execute(plan)
    assert [file.pk for file in capture.files.all()] == [later.pk]
    archive.cleanup.run()
    assert pictures(archive) == 0


def test_a_capture_that_is_moved_to_the_trash_frees_no_space_in_a_plan(
    archive: ClipArchive, retention: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    retention(capture_days=100)
    old = taken(archive, started_at=timezone.now() - timedelta(days=101))
    old.files.update(bytes=10**18)
    archive.clip(0)
    configured(monkeypatch, soft_floor_gb=1_000_000)
    plan = StorageManager("main").plan()
    assert [(item.table, item.why) for item in plan.items] == [("captures", "age"), ("clips", "space")]


def test_a_cleanup_of_clips_leaves_captures_alone(archive: ClipArchive) -> None:
    trashed(archive, 31)
    archive.clips(4)
    report = clean_up_clips(JobContext("job", {}, None, "boss", lambda message: None))
    assert report["clips"] == 1
    assert pictures(archive) == 1


@pytest.mark.parametrize("state", ["planned", "running", "completed", "aborted"])
def test_a_capture_of_an_experiment_that_is_not_archived_is_kept(archive: ClipArchive, state: str) -> None:
    capture = taken(archive)
    ExperimentCapture.objects.create(experiment=experiment(state), capture=capture)
    with pytest.raises(CaptureKept, match="belongs to the experiment Dew, not archived yet"):
        trash_capture(capture, "boss")
    assert Capture.objects.present().count() == 1


def test_a_capture_of_an_archived_experiment_may_be_moved_to_the_trash(archive: ClipArchive) -> None:
    capture = taken(archive)
    ExperimentCapture.objects.create(experiment=experiment("archived"), capture=capture)
    trash_capture(capture, "boss")
    assert Capture.objects.in_trash().count() == 1


def test_a_capture_that_an_archive_copies_is_kept(archive: ClipArchive) -> None:
    capture = taken(archive)
    wanted = Archive.objects.create(experiment=experiment("archived"), folder="dew", wait_until=timezone.now())
    folder = ArchiveFolder.objects.create(archive=wanted, host="main", root=archive.root)
    file = capture.files.get()
    ArchiveFile.objects.create(
        folder=folder, camera=archive.camera, capture_file=file, path="0.jpg", at=capture.started_at, bytes=1, sha256=""
    )
    with pytest.raises(CaptureKept, match="an archive copies it"):
        trash_capture(capture, "boss")


def test_a_capture_in_the_trash_cannot_be_pinned(archive: ClipArchive) -> None:
    capture = trashed(archive, 1)
    with pytest.raises(CaptureKept, match="Restore it first"):
        pin_capture(capture, pinned=True, actor="olga")


def test_a_capture_without_files_is_not_moved_to_the_trash(archive: ClipArchive) -> None:
    with pytest.raises(CaptureKept, match="it has no files"):
        trash_capture(saved(archive.camera), "boss")


def test_captures_are_kept_for_ever_by_default(archive: ClipArchive) -> None:
    taken(archive, started_at=timezone.now() - timedelta(days=5000))
    archive.cleanup.run()
    assert Capture.objects.present().count() == 1


def test_captures_that_are_too_old_are_moved_to_the_trash(archive: ClipArchive, retention: Callable[..., None]) -> None:
    retention(capture_days=100)
    old = taken(archive, started_at=timezone.now() - timedelta(days=101))
    taken(archive, started_at=timezone.now() - timedelta(days=99))
    taken(archive, started_at=timezone.now() - timedelta(days=101), pinned=True)
    archive.cleanup.run()
    assert [capture.pk for capture in Capture.objects.in_trash()] == [old.pk]
    assert "1 capture of sim moved to the trash" in Event.objects.get(kind="capture.trashed").message
    assert pictures(archive) == 3


def test_a_vanished_folder_purges_no_capture(archive: ClipArchive) -> None:
    captures = [trashed(archive, 31) for _ in range(6)]
    (archive.folder / "captures").rename(archive.folder / "moved")
    archive.cleanup.run()
    assert CaptureFile.objects.count() == len(captures)


def test_a_capture_that_two_cleanups_purge_is_reported_once(archive: ClipArchive) -> None:
    files = list(trashed(archive, 31).files.select_related("capture__camera"))
    assert delete_rows(files, "boss") == files
    assert delete_rows(files, "") == []
    assert Event.objects.filter(kind="capture.deleted").count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("point", ["after_capture_purged", "after_capture_files", "after_capture_rows"])
def test_the_next_pass_finishes_a_purge_that_was_killed(archive: ClipArchive, point: str) -> None:
    captures = [trashed(archive, 31) for _ in range(6)]
    assert exit_status("deletion_process", point, 0, 3) == KILLED
    ClipCleanup("main").run()
    assert pictures(archive) == 0
    assert CaptureFile.objects.count() == 0
    assert Event.objects.filter(kind="capture.deleted").count() == len(captures)
