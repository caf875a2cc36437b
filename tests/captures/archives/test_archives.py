"""The archive of an experiment: what it holds, that it is proven, and what it says is missing."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.utils import timezone

from cameras.models import Camera
from captures.camera_service import CameraService
from captures.experiments.membership import link_capture
from captures.models import (
    Archive,
    ArchiveFile,
    Capture,
    Clip,
    ClipHold,
    Experiment,
    ExperimentCamera,
    ExperimentCapture,
    RecordingClaim,
    StorageRoot,
)
from captures.roots.roots import assign_root
from captures.storage.archives.selectors import archives_for
from captures.storage.archives.services import advance, advance_all, archive_path, extend_archives, request_due
from captures.storage.stored_files import FILE_TABLES
from captures.storage.trash.services import restore_capture, trash_capture
from core.events.models import Alert, Event
from core.jobs.models import Job
from tests.harness.clients.pages import text_of
from tests.harness.rows.archives import request_archive
from tests.harness.rows.captures import HASH, PLACES, file_of, remote, saved


def folder(archive: Archive) -> Path:
    return Path(archive_path(archive))


def manifest(archive: Archive) -> dict[str, Any]:
    return dict(json.loads((folder(archive) / "manifest.json").read_text()))


def sums_are_right(archive: Archive) -> bool:
    """As a person checks it."""
    command = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    return subprocess.run(command, cwd=folder(archive), check=False).returncode == 0


def reach_deadline(archive: Archive, run_jobs: Any) -> None:
    """It waits for no more clips, and is made."""
    Archive.objects.update(wait_until=timezone.now())
    archive.refresh_from_db()
    advance(archive)
    run_jobs()
    archive.refresh_from_db()


def test_an_archive_has_all_files_and_sha256sum_accepts_it(archive: Archive, clips: list[Clip]) -> None:
    assert sums_are_right(archive)
    assert len(list(folder(archive).glob("sky/clips/*.mp4"))) == 3
    assert [file["sha256"] for file in manifest(archive)["files"]] == [clip.sha256 for clip in clips]
    assert not list(folder(archive).rglob("*.part"))


def test_the_experiment_is_archived_and_its_clips_are_released(archive: Archive, run: Experiment) -> None:
    run.refresh_from_db()
    assert run.state == "archived"
    assert not ClipHold.objects.exists()
    kinds = set(Event.objects.filter(subject=str(archive.pk)).values_list("kind", flat=True))
    assert kinds == {"archive.requested", "archive.completed"}


def test_the_folder_has_a_safe_name_with_the_id(archive: Archive, run: Experiment) -> None:
    assert archive.folder == f"experiments/{run.pk}_dew-mirror-3"


def test_the_manifest_describes_the_run(archive: Archive, run: Experiment) -> None:
    found = manifest(archive)
    assert found["schema"] == "skycam-archive/1"
    assert found["experiment"]["name"] == run.name
    assert found["cameras"][0]["covered_s"] == pytest.approx(12)
    assert found["missing"] == []
    assert [entry["kind"] for entry in found["custody"]] == ["archive.requested"]
    assert found["files"][0]["lost_frames"] == 0
    assert found["files"][0]["state"] == "copied"


def test_unknown_losses_are_null_in_the_manifest(run: Experiment, clip: Any, run_jobs: Any) -> None:
    clip(0, lost_frames=None, interrupted=True)
    clip(1)
    clip(2)
    archive = request_archive(run)
    run_jobs()
    assert manifest(archive)["files"][0]["lost_frames"] is None


def test_the_facade_returns_the_path_at_once(run: Experiment, clips: list[Clip]) -> None:
    path = CameraService("ada").archive_experiment_videos(str(run.pk), "Dew ramp")
    assert path.endswith(Archive.objects.get().folder)
    assert not Path(path).exists()
    assert Archive.objects.get().state == "waiting"


def test_the_facade_names_the_method_of_the_experiment(run: Experiment, clips: list[Clip], run_jobs: Any) -> None:
    for method_name in ("Dew ramp", "Dew ramp", ""):
        CameraService("ada").archive_experiment_videos(str(run.pk), method_name)
    advance_all()
    run_jobs()
    archive = Archive.objects.get()
    assert manifest(archive)["experiment"]["method"] == "Dew ramp"
    assert archive.method == "copy"


def test_the_facade_refuses_another_method_than_the_experiments(run: Experiment, clips: list[Clip]) -> None:
    Experiment.objects.update(method="Dew ramp")
    with pytest.raises(ValidationError, match="is 'Dew ramp', not 'Frost'"):
        CameraService("ada").archive_experiment_videos(str(run.pk), "Frost")
    assert not Archive.objects.exists()


def test_the_facade_copies_or_links(run: Experiment, clips: list[Clip]) -> None:
    with pytest.raises(ValidationError, match="Choose one of: copy, link"):
        CameraService("ada").archive_experiment_videos(str(run.pk), copy_method="move")
    CameraService("ada").archive_experiment_videos(str(run.pk), copy_method="link")
    assert Archive.objects.get().method == "link"


def test_captures_are_archived_too(run: Experiment, clips: list[Clip], run_jobs: Any, camera: Any, root: Any) -> None:
    capture = saved(camera, started_at=run.started_at + timedelta(seconds=1))
    file = file_of(capture, root)
    link_capture(capture)
    archive = request_archive(run)
    run_jobs()
    assert sums_are_right(archive)
    assert (folder(archive) / "sky" / "captures" / file.path.rpartition("/")[2]).read_bytes()


def test_two_requests_at_once_are_one_archive(run: Experiment, clips: list[Clip]) -> None:
    assert request_archive(run) == request_archive(run)
    assert Job.objects.filter(kind="archive").count() == 1


def test_an_experiment_without_a_file_is_archived(run: Experiment, run_jobs: Any) -> None:
    Archive.objects.all().delete()
    archive = request_archive(run)
    reach_deadline(archive, run_jobs)
    assert archive.state == "complete"
    assert sums_are_right(archive)


def test_it_waits_for_the_clips_of_the_run_until_the_deadline(run: Experiment, clip: Any, run_jobs: Any) -> None:
    clip(0)
    archive = request_archive(run)
    assert archive.state == "waiting"
    assert not Job.objects.exists()
    reach_deadline(archive, run_jobs)
    assert archive.state == "complete"
    [gap] = manifest(archive)["cameras"][0]["gaps"]
    assert gap["reason"] == "no_video"


def test_it_waits_for_clips_that_others_record_of_a_run_that_records_nothing(
    run: Experiment, clip: Any, run_jobs: Any, camera: Camera
) -> None:
    """The newest clip is not filed yet."""
    ended = timezone.now()
    started = ended - timedelta(seconds=12)
    Experiment.objects.update(record=False, started_at=started, ended_at=ended)
    run.places.update(means="")
    RecordingClaim.objects.create(camera=camera, kind="rolling", by="ben")
    run.refresh_from_db()
    clip(0)
    clip(1)
    archive = request_archive(run)
    assert archive.state == "waiting"
    clip(2)
    advance(archive)
    run_jobs()
    archive.refresh_from_db()
    assert (archive.state, archive.missing, len(manifest(archive)["files"])) == ("complete", [], 3)


def test_a_clip_that_turns_up_later_completes_the_archive(
    archive: Archive, run: Experiment, clip: Any, run_jobs: Any
) -> None:
    clip(3)
    extend_archives()
    archive.refresh_from_db()
    assert archive.state == "copying"
    advance(archive)
    run_jobs()
    archive.refresh_from_db()
    assert (archive.state, archive.revision) == ("complete", 2)
    assert len(manifest(archive)["files"]) == 4
    assert sums_are_right(archive)
    assert not ClipHold.objects.exists()


def test_an_archive_without_late_files_is_left_alone(archive: Archive) -> None:
    extend_archives()
    archive.refresh_from_db()
    assert archive.state == "complete"


def test_a_late_capture_in_the_trash_is_archived_once_it_is_restored(
    archive: Archive, run: Experiment, run_jobs: Any, camera: Any, root: Any
) -> None:
    capture = saved(camera, started_at=run.started_at + timedelta(seconds=1))
    file_of(capture, root)
    link_capture(capture)
    trash_capture(capture, "boss")
    extend_archives()
    archive.refresh_from_db()
    assert archive.state == "complete"
    restore_capture(capture, "boss")
    extend_archives()
    archive.refresh_from_db()
    advance(archive)
    run_jobs()
    assert len(manifest(archive)["files"]) == 4


def test_a_source_that_is_missing_is_stated(run: Experiment, clips: list[Clip], run_jobs: Any, root: Any) -> None:
    Path(root.path, clips[1].path).unlink()
    archive = request_archive(run)
    run_jobs()
    archive.refresh_from_db()
    run.refresh_from_db()
    assert (archive.state, run.state) == ("incomplete", "completed")
    assert clips[1].filename in archive.missing[0]
    assert [file["state"] for file in manifest(archive)["files"]] == ["copied", "missing", "copied"]
    assert sums_are_right(archive)
    assert ClipHold.objects.filter(clip=clips[1]).exists()
    assert Event.objects.get(kind="archive.incomplete").severity == "warning"


@pytest.mark.parametrize("method", ["copy", "link"])
def test_a_source_that_has_changed_is_not_archived_as_whole(
    method: str, run: Experiment, clips: list[Clip], run_jobs: Any, root: Any
) -> None:
    path = Path(root.path, clips[0].path)
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    archive = request_archive(run, method)
    run_jobs()
    archive.refresh_from_db()
    assert ArchiveFile.objects.get(clip=clips[0]).state == "damaged"
    assert "has changed" in archive.missing[0]
    assert not (folder(archive) / "sky" / "clips" / clips[0].filename).exists()


def test_hard_links_are_made_only_by_request_and_stated(
    run: Experiment, clips: list[Clip], run_jobs: Any, root: Any
) -> None:
    archive = request_archive(run, "link")
    run_jobs()
    copy = folder(archive) / "sky" / "clips" / clips[0].filename
    assert os.path.samefile(copy, Path(root.path, clips[0].path))
    assert manifest(archive)["files"][0]["hard_link"] is True
    assert manifest(archive)["method"] == "link"


def test_a_copy_shares_nothing_with_its_source(archive: Archive, clips: list[Clip], root: Any) -> None:
    copy = folder(archive) / "sky" / "clips" / clips[0].filename
    assert not os.path.samefile(copy, Path(root.path, clips[0].path))
    assert manifest(archive)["files"][0]["hard_link"] is False


def test_completed_experiments_are_archived_by_themselves(run: Experiment, clips: list[Clip]) -> None:
    request_due()
    assert Archive.objects.get().requested_by == "station"


@pytest.mark.parametrize("fields", [{"state": "aborted"}, {"settled": False}])
def test_others_are_archived_on_request_alone(fields: Any, run: Experiment, clips: list[Clip]) -> None:
    Experiment.objects.update(**fields)
    request_due()
    assert not Archive.objects.exists()


def test_a_running_experiment_is_archived_with_what_it_has(run: Experiment, clip: Any, run_jobs: Any) -> None:
    Experiment.objects.update(state="running", ended_at=None, settled=False)
    run.refresh_from_db()
    clip(0)
    archive = request_archive(run)
    run_jobs()
    archive.refresh_from_db()
    assert archive.state == "incomplete"
    assert "still runs" in archive.missing[0]
    assert ClipHold.objects.filter(by="experiment").exists()


def test_the_sources_are_held_while_they_are_copied(run: Experiment, clips: list[Clip]) -> None:
    archive = request_archive(run)
    assert {str(hold) for hold in clips[0].holds.all()} == {f"experiment {run.pk}", f"archive {archive.pk}"}


def test_captures_of_the_ledger_stay_when_an_archive_is_made(archive: Archive) -> None:
    assert Capture.objects.count() == 0
    assert Clip.objects.present().count() == 3


def test_an_archive_of_a_running_experiment_is_completed_after_its_end(
    run: Experiment, clips: list[Clip], run_jobs: Any
) -> None:
    ended = run.ended_at
    Experiment.objects.update(state="running", ended_at=None, settled=False)
    run.refresh_from_db()
    archive = request_archive(run)
    run_jobs()
    Experiment.objects.update(state="completed", ended_at=ended, settled=True)
    Archive.objects.update(completed_at=ended - timedelta(seconds=1))
    advance_all()
    run_jobs()
    archive.refresh_from_db()
    assert (archive.state, archive.missing) == ("complete", [])


def test_the_path_of_an_archive_stays_when_new_ones_get_another_root(archive: Archive, tmp_path: Path) -> None:
    path = archive_path(archive)
    other = StorageRoot.objects.create(host="main", path=str(tmp_path / "other"))
    assign_root(other, "archives")
    assert archive_path(archive) == path


@pytest.fixture
def early(run: Experiment, clip: Any, run_jobs: Any) -> Archive:
    """Made while its experiment ran, which has ended since."""
    ended = run.ended_at
    Experiment.objects.update(state="running", ended_at=None, settled=False)
    run.refresh_from_db()
    clip(0)
    archive = request_archive(run)
    run_jobs()
    assert ended
    Archive.objects.update(completed_at=ended - timedelta(seconds=1))
    Experiment.objects.update(state="completed", ended_at=ended)
    archive.refresh_from_db()
    return archive


def test_an_archive_that_was_made_while_its_experiment_ran_waits_for_the_last_clips(
    early: Archive, clip: Any, run_jobs: Any
) -> None:
    Experiment.objects.update(settled=True)
    request_due()
    early.refresh_from_db()
    assert early.state == "waiting"
    clip(1)
    clip(2)
    advance(early)
    run_jobs()
    early.refresh_from_db()
    assert (early.state, early.missing) == ("complete", [])


def test_an_archive_is_not_extended_before_its_experiment_has_all_its_clips(early: Archive, clip: Any) -> None:
    clip(1)
    extend_archives()
    early.refresh_from_db()
    assert early.state == "incomplete"


def test_a_clock_that_was_set_back_does_not_move_the_deadline_away(run: Experiment, clip: Any) -> None:
    archive = request_archive(run)
    Archive.objects.update(wait_until=timezone.now() + timedelta(days=30))
    archive.refresh_from_db()
    advance(archive)
    assert Archive.objects.get().wait_until < timezone.now() + timedelta(hours=1)


def test_a_capture_that_is_being_purged_is_not_missing(
    archive: Archive, run: Experiment, camera: Any, root: Any
) -> None:
    capture = saved(camera, started_at=run.started_at + timedelta(seconds=1))
    file_of(capture, root)
    link_capture(capture)
    now = timezone.now()
    Capture.objects.update(trashed_at=now, trashed_by="ada", purged_at=now)
    extend_archives()
    archive.refresh_from_db()
    assert archive.state == "complete"
    request_archive(run)
    assert not ArchiveFile.objects.exclude(capture_file=None).exists()


def test_events_and_alerts_do_not_name_files_of_other_cameras(
    run: Experiment, clips: list[Clip], run_jobs: Any, root: StorageRoot
) -> None:
    other = Camera.objects.create(slug="attic", name="Attic", kind="simulated", host="main")
    ExperimentCamera.objects.create(experiment=run, camera=other, position=2, means="clips")
    Clip.objects.filter(pk=clips[0].pk).update(camera=other)
    Path(root.path, clips[0].path).unlink()
    archive = request_archive(run)
    reach_deadline(archive, run_jobs)
    assert "attic" in archive.missing[0]
    assert "attic" not in Event.objects.get(kind="archive.incomplete").message
    assert "attic" not in Alert.objects.get().message


def test_lists_of_archives_and_of_their_files_do_not_read_the_manifests(archive: Archive, viewer: Any) -> None:
    listed = FILE_TABLES["archives"].rows().first().folder.archive
    assert listed.get_deferred_fields() == {"manifest"}
    assert archives_for(get_user_model().objects.get()).get().get_deferred_fields() == {"manifest"}


def test_captures_whose_files_stay_with_the_camera_are_listed_as_not_archived(
    run: Experiment, clips: list[Clip], run_jobs: Any, camera: Any, viewer: Any
) -> None:
    capture = remote(camera)
    ExperimentCapture.objects.create(experiment=run, capture=capture)
    archive = request_archive(run)
    run_jobs()
    archive.refresh_from_db()
    said = ["1 capture of sky is not archived: remote, 4 files on pco-nuc."]
    stated = manifest(archive)["remote"]
    assert archive.state == "complete"
    assert viewer.get(f"/api/v1/archives/{archive.pk}/").json()["remote"] == said
    assert "1 capture of Sky is not archived: remote, 4 files on pco-nuc." in text_of(
        viewer.get(f"/archives/{archive.pk}/")
    )
    assert [(one["place"], one["sha256"]) for one in stated][:2] == [(PLACES[0], HASH), (PLACES[1], None)]
    assert "verified" not in stated[0]
