"""A folder that vanished is not a deletion: a cleanup that misses too many files deletes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from captures.models import Clip
from captures.storage.retention.cleanup import ClipCleanup
from captures.storage.retention.manager import StorageManager
from core.events.models import Alert
from tests.harness.rows.clip_archive import ClipArchive, configured

pytestmark = pytest.mark.django_db


def open_alerts() -> list[str]:
    return [alert.message for alert in Alert.objects.filter(key__startswith="storage.vanished:", state="open")]


def vanish(archive: ClipArchive) -> None:
    """Move the folder of the clips away; the marker of the root stays."""
    (archive.folder / "clips").rename(archive.folder / "moved")


def come_back(archive: ClipArchive) -> None:
    (archive.folder / "moved").rename(archive.folder / "clips")


def remove_files(archive: ClipArchive, clips: Iterable[Clip]) -> None:
    for clip in clips:
        (archive.folder / clip.path).unlink()


def test_clips_of_a_vanished_folder_keep_their_rows(archive: ClipArchive) -> None:
    archive.clips(10)
    vanish(archive)
    archive.cleanup.run()
    [message] = open_alerts()
    assert Clip.objects.present().count() == 10
    assert message.startswith("10 of 10 files that a cleanup looked for")


def test_one_clip_beyond_the_count_is_enough_to_notice(archive: ClipArchive) -> None:
    archive.clips(4)
    Clip.objects.filter(path__startswith="clips/").update(pinned=False)
    archive.clip(5, kind="manual")
    archive.clip(6, kind="manual")
    vanish(archive)
    archive.cleanup.run()
    assert Clip.objects.present().count() == 6
    assert len(open_alerts()) == 1


def test_the_cleanup_goes_on_when_the_folder_is_back(archive: ClipArchive) -> None:
    archive.clips(10)
    vanish(archive)
    archive.cleanup.run()
    come_back(archive)
    archive.cleanup = ClipCleanup("main")
    archive.cleanup.run()
    assert archive.kept == ["7", "8", "9"]
    assert open_alerts() == []


def test_the_periodic_cleanup_closes_the_alert_of_a_job(archive: ClipArchive) -> None:
    archive.clips(4)
    archive.cleanup.run()
    later = [archive.clip(number) for number in range(4, 12)]
    manager = StorageManager("main")
    plan = manager.plan()
    vanish(archive)
    manager.execute(plan)
    come_back(archive)
    archive.cleanup.run()
    assert Clip.objects.filter(pk__in=[clip.pk for clip in later]).count() == 3
    assert open_alerts() == []


def test_single_files_that_are_missing_count_as_deleted(archive: ClipArchive) -> None:
    clips = archive.clips(9)
    for clip in clips[:4]:
        (archive.folder / clip.path).unlink()
    archive.cleanup.run()
    assert archive.kept == ["6", "7", "8"]


def test_the_share_can_be_set(archive: ClipArchive, retention: Callable[..., None]) -> None:
    retention(vanished_percent=100)
    archive.clips(10)
    vanish(archive)
    archive.cleanup.run()
    assert archive.rows == ["7", "8", "9"]


def test_a_plan_of_a_vanished_folder_deletes_nothing(archive: ClipArchive) -> None:
    archive.clips(10)
    manager = StorageManager("main")
    plan = manager.plan()
    vanish(archive)
    result = manager.execute(plan)
    assert result.deleted == []
    assert "Mount or move back the folder" in result.problems[0]
    assert len(archive.rows) == 10


def test_a_killed_deletion_of_many_files_is_finished(archive: ClipArchive) -> None:
    clips = archive.clips(10)
    Clip.objects.filter(pk__in=[clip.pk for clip in clips]).update(deleted_at="2026-03-29T00:00:00Z")
    for clip in clips:
        (archive.folder / clip.path).unlink()
    archive.cleanup.run()
    assert archive.kept == []


def test_marked_clips_of_a_vanished_folder_keep_their_rows(archive: ClipArchive) -> None:
    archive.clips(10)
    Clip.objects.update(deleted_at="2026-03-29T00:00:00Z")
    vanish(archive)
    archive.cleanup.run()
    assert Clip.objects.count() == 10
    assert len(open_alerts()) == 1


def test_a_plan_frees_no_space_in_a_root_whose_files_vanished(
    archive: ClipArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(monkeypatch, rolling_clips_count=3, soft_floor_gb=1_000_000)
    vanished = archive.clips(8)[:5]
    manager = StorageManager("main")
    plan = manager.plan()
    remove_files(archive, vanished)
    result = manager.execute(plan)
    assert [item.why for item in plan.items] == ["count"] * 5 + ["space"] * 3
    assert result.deleted == []
    assert len(archive.rows) == 8
    assert len(open_alerts()) == 1


def test_a_folder_that_vanishes_during_a_long_cleanup_keeps_its_rows(archive: ClipArchive) -> None:
    clips = archive.clips(111)
    manager = StorageManager("main")
    plan = manager.plan()
    remove_files(archive, clips[100:108])
    manager.execute(plan)
    assert archive.rows == sorted(str(number) for number in range(100, 111))
    assert len(open_alerts()) == 1
