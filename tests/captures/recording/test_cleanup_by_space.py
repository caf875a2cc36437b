"""The rule of space, on a small disk: the oldest deletable clips are deleted until enough is free, and no more."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import uuid6

from cameras.spool.storage import MARKER
from captures.models import Clip, StorageRoot
from captures.recordings.clips.services import MAX_STUCK
from captures.recordings.control.commands import recording_settings
from captures.roots.models import StorageClass
from captures.roots.roots import assign_root
from captures.storage.retention.cleanup import ALERT_REPEAT_S, ClipCleanup
from captures.storage.retention.disk_space import PENDING_S
from captures.storage.retention.execution import PlanExecutor
from captures.storage.retention.manager import make_plan
from captures.storage.retention.plan import PlanItem
from captures.storage.retention.results import CleanupResult
from core.events.models import Alert, Event
from tests.harness.disks.small_disk import SmallDisk
from tests.harness.rows.clip_archive import ClipArchive, ahead, configured

pytestmark = pytest.mark.django_db
HALF_MB = 500_000
"""Of a disk of 4.2 MB: six of them leave 1.2 MB."""


class ManualClock:
    """A clock that a test advances."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def archive(disk: SmallDisk, monkeypatch: pytest.MonkeyPatch) -> ClipArchive:
    configured(monkeypatch, soft_floor_gb=0.002, hard_floor_gb=0.0001)
    return ClipArchive(disk.path)


def alert(archive: ClipArchive) -> Alert | None:
    return Alert.objects.exclude(state="resolved").filter(key=f"storage.soft_floor:{archive.root.pk}").first()


def test_the_oldest_clips_are_deleted_until_enough_is_free(archive: ClipArchive) -> None:
    archive.clips(6, HALF_MB)
    archive.cleanup.run()
    assert archive.kept == ["2", "3", "4", "5"]
    assert alert(archive) is None


def batches_until_the_disk_fails(items: Sequence[PlanItem]) -> Iterator[Sequence[PlanItem]]:
    yield items
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_what_is_deleted_before_the_disk_fails_is_recorded(archive: ClipArchive) -> None:
    archive.clips(6, HALF_MB)
    batches = batches_until_the_disk_fails(make_plan("main", ["clips"]).items[:1])
    result = CleanupResult()
    with pytest.raises(OSError, match="Input/output error"):
        PlanExecutor("main").free_space(archive.root, lambda stuck: next(batches), result)
    assert archive.kept == ["1", "2", "3", "4", "5"]
    assert len(result.deleted) == 1
    assert Event.objects.get(kind="storage.cleaned").data["clips"] == 1


def test_clips_that_a_fast_clock_dated_into_the_future_are_deleted_first(archive: ClipArchive) -> None:
    archive.clips(4, HALF_MB)
    archive.clip(8, HALF_MB, **ahead(0))
    archive.clip(9, HALF_MB, **ahead(1))
    assert planned() == [("8", "space"), ("9", "space")]
    archive.cleanup.run()
    assert archive.kept == ["0", "1", "2", "3"]


def test_nothing_is_deleted_while_enough_is_free(archive: ClipArchive) -> None:
    archive.clips(4, HALF_MB)
    archive.cleanup.run()
    assert archive.kept == ["0", "1", "2", "3"]
    assert Event.objects.count() == 0


def test_one_event_reports_how_much_was_deleted_and_why(archive: ClipArchive) -> None:
    archive.clips(6, HALF_MB)
    archive.cleanup.run()
    [event] = Event.objects.filter(kind="storage.cleaned")
    assert event.message == f"2 clips of sim (1 MB) were deleted: to free space in {archive.folder}."
    assert event.data["why"] == "space"
    assert event.data["clips"] == 2
    assert event.data["bytes"] == 2 * HALF_MB


def test_held_and_pinned_clips_stay_and_newer_ones_are_deleted_instead(archive: ClipArchive) -> None:
    first, second, *_ = archive.clips(6, HALF_MB)
    first.holds.create(by="experiment", name="growth")
    Clip.objects.filter(pk=second.pk).update(pinned=True)
    archive.cleanup.run()
    assert archive.kept == ["0", "1", "4", "5"]


def test_when_only_pinned_clips_are_left_an_alert_says_so_until_enough_is_free(
    archive: ClipArchive, disk: SmallDisk
) -> None:
    archive.clips(6, HALF_MB)
    Clip.objects.update(pinned=True)
    archive.cleanup.run()
    opened_alert = alert(archive)
    assert opened_alert is not None
    assert opened_alert.severity == "warning"
    assert "No clip can be deleted" in opened_alert.message
    assert archive.kept == ["0", "1", "2", "3", "4", "5"]
    Clip.objects.update(pinned=False)
    archive.cleanup.run()
    assert archive.kept == ["2", "3", "4", "5"]
    assert alert(archive) is None


def test_without_any_clips_the_alert_says_what_helps(archive: ClipArchive, disk: SmallDisk) -> None:
    disk.fill()
    type(archive.camera).objects.update(recording="rolling")
    archive.cleanup.run()
    opened_alert = alert(archive)
    assert opened_alert is not None
    assert "pinned" not in opened_alert.message
    assert "lower camera_config.soft_floor_gb" in opened_alert.message


def test_an_open_alert_is_updated_each_minute(archive: ClipArchive, disk: SmallDisk) -> None:
    clock = ManualClock()
    archive.cleanup = ClipCleanup("main", clock=clock)
    archive.clip(0, pinned=True)
    disk.leave(1_900_000)
    archive.cleanup.run()
    disk.leave(1_500_000)
    archive.cleanup.run()
    first = alert(archive)
    clock.now += ALERT_REPEAT_S
    archive.cleanup.run()
    archive.cleanup.run()
    second = alert(archive)
    assert first is not None
    assert second is not None
    assert first.count == 1
    assert second.count == 2
    assert first.message != second.message


def rolling_floor() -> int:
    found: int = recording_settings()["rolling_floor_bytes"]
    return found


def test_while_no_clip_can_be_deleted_the_soft_floor_applies_to_rolling_clips(archive: ClipArchive) -> None:
    assign_root(StorageRoot.objects.get(), StorageClass.CAPTURES)
    archive.clips(6, HALF_MB)
    Clip.objects.update(pinned=True)
    archive.cleanup.run()
    full = rolling_floor()
    Clip.objects.update(pinned=False)
    archive.cleanup.run()
    assert full == 2_000_000
    assert rolling_floor() == 100_000


def test_the_space_of_the_last_deleted_clip_is_not_enough_for_another(archive: ClipArchive, disk: SmallDisk) -> None:
    archive.clip(0, 3 * HALF_MB, pinned=True)
    archive.clip(1, HALF_MB)
    disk.leave(2_000_000 - HALF_MB + 100_000)
    archive.cleanup.run()
    archive.cleanup.run()
    assert archive.kept == ["0"]
    assert alert(archive) is None
    disk.leave(2_000_000 - 100_000)
    archive.cleanup.run()
    disk.leave(2_000_000 + 100_000)
    archive.cleanup.run()
    assert alert(archive) is not None
    disk.leave(2_000_000 + 300_000)
    archive.cleanup.run()
    assert alert(archive) is None


def test_a_root_that_a_camera_records_to_is_checked_before_its_first_clip(
    archive: ClipArchive, disk: SmallDisk
) -> None:
    disk.fill()
    archive.cleanup.run()
    assert alert(archive) is None
    type(archive.camera).objects.update(recording="rolling")
    archive.cleanup.run()
    assert alert(archive) is not None


def test_the_alert_about_a_root_without_clips_closes(archive: ClipArchive, disk: SmallDisk) -> None:
    disk.fill()
    type(archive.camera).objects.update(recording="rolling")
    archive.cleanup.run()
    type(archive.camera).objects.update(recording="")
    archive.cleanup.run()
    assert alert(archive) is None


def test_clips_that_a_reader_has_open_free_nothing_and_the_others_stay(archive: ClipArchive) -> None:
    clips = archive.clips(6, HALF_MB)
    with contextlib.ExitStack() as readers:
        for clip in clips:
            readers.enter_context(open(archive.folder / clip.path, "rb"))
        archive.cleanup.run()
        archive.cleanup.run()
    [event] = Event.objects.filter(kind="storage.cleaned")
    assert archive.kept == ["2", "3", "4", "5"]
    assert event.severity == "warning"
    assert "1 MB are not free yet" in event.message


def test_space_that_stays_pending_is_freed_elsewhere_after_a_while(archive: ClipArchive) -> None:
    clips, clock = archive.clips(6, HALF_MB), ManualClock()
    archive.cleanup = ClipCleanup("main", clock=clock)
    with open(archive.folder / clips[0].path, "rb"):
        archive.cleanup.run()
        assert archive.kept == ["2", "3", "4", "5"]
        clock.now += PENDING_S
        archive.cleanup.run()
        assert archive.kept == ["3", "4", "5"]


def test_a_root_that_was_unmounted_loses_no_file_and_no_row(archive: ClipArchive, disk: SmallDisk) -> None:
    archive.clips(6, HALF_MB)
    disk.unmount()
    archive.cleanup.run()
    assert archive.rows == ["0", "1", "2", "3", "4", "5"]
    assert os.listdir(disk.path) == []
    disk.mount()
    assert archive.kept == ["0", "1", "2", "3", "4", "5"]


def test_clips_marked_before_their_root_was_unmounted_wait_for_it(archive: ClipArchive, disk: SmallDisk) -> None:
    archive.clips(2, HALF_MB)
    Clip.objects.update(deleted_at="2026-03-29T00:00:00Z")
    disk.unmount()
    archive.cleanup.run()
    problem = Alert.objects.get(key="storage.clips:main")
    assert archive.rows == ["0", "1"]
    assert "not mounted" in problem.message
    disk.mount()
    archive.cleanup.run()
    problem.refresh_from_db()
    assert archive.kept == []
    assert problem.state == "resolved"


def test_another_disk_at_the_same_place_loses_nothing(archive: ClipArchive, disk: SmallDisk) -> None:
    archive.clips(6, HALF_MB)
    (disk.kept / MARKER).write_text(str(uuid6.uuid7()))
    archive.cleanup.run()
    assert archive.kept == ["0", "1", "2", "3", "4", "5"]


def test_clips_on_a_read_only_disk_are_deleted_when_it_is_writable_again(archive: ClipArchive, disk: SmallDisk) -> None:
    archive.clips(6, HALF_MB)
    disk.remount("ro")
    archive.cleanup.run()
    archive.cleanup.run()
    assert Clip.objects.present().count() == 6
    assert archive.rows == archive.files == ["0", "1", "2", "3", "4", "5"]
    opened_alert = alert(archive)
    assert opened_alert is not None
    assert "Read-only file system" in opened_alert.message
    disk.remount("rw")
    archive.cleanup.run()
    assert archive.kept == ["2", "3", "4", "5"]


def test_clips_in_another_root_are_left_alone(archive: ClipArchive, tmp_path: Path) -> None:
    other = StorageRoot.objects.create(host="main", path=str(tmp_path / "other"))
    elsewhere = archive.clip(0, 1, root=other)
    for number in range(1, 7):
        archive.clip(number, HALF_MB)
    archive.cleanup.run()
    assert Clip.objects.filter(pk=elsewhere.pk).exists()
    assert archive.rows == ["0", "3", "4", "5", "6"]


def test_clips_beyond_the_count_in_a_missing_root_are_not_even_marked(
    archive: ClipArchive, disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(monkeypatch, rolling_clips_count=1)
    archive.clips(3)
    disk.unmount()
    archive.cleanup.run()
    assert Clip.objects.present().count() == 3


def test_clips_that_cannot_be_deleted_block_no_others(archive: ClipArchive) -> None:
    archive.move_and_link(*archive.clips(6, HALF_MB)[:2])
    archive.cleanup.run()
    archive.cleanup.run()
    message = Alert.objects.get(key="storage.clips:main").message
    assert archive.rows == ["0", "1", "4", "5"]
    assert "clips/old/0-rolling.mp4 (Not a directory)" in message


def test_a_folder_whose_clips_cannot_be_deleted_blocks_no_other_folder(archive: ClipArchive) -> None:
    clips = archive.clips(MAX_STUCK + 6, HALF_MB // 2)
    archive.move_and_link(*clips[: MAX_STUCK + 2])
    archive.cleanup.run()
    assert len(archive.rows) < len(clips)
    assert Clip.objects.present().filter(path__startswith="clips/old/").count() == MAX_STUCK + 1


def test_a_disk_that_deletes_nothing_gets_only_a_few_clips_marked_over_many_passes(
    archive: ClipArchive, disk: SmallDisk
) -> None:
    for number, clip in enumerate(archive.clips(3 * MAX_STUCK)):
        archive.move_and_link(clip, folder=f"old-{number}")
    disk.fill()
    results = [archive.cleanup.run() for _ in range(3)]
    assert [len(result.problems) for result in results] == [1, 1, 1]
    assert Clip.objects.present().count() == 2 * MAX_STUCK
    message = Alert.objects.get(key="storage.clips:main").message
    assert "no clip is deleted to free space meanwhile" in message


def test_clips_that_could_not_be_deleted_are_deleted_once_the_disk_works(archive: ClipArchive, disk: SmallDisk) -> None:
    archive.move_and_link(*archive.clips(3))
    disk.fill()
    archive.cleanup.run()
    (archive.folder / "clips" / "old").unlink()
    (archive.folder / "elsewhere-old").rename(archive.folder / "clips" / "old")
    disk.empty()
    archive.cleanup.run()
    assert archive.rows == ["1", "2"]
    [event] = Event.objects.filter(kind="storage.cleaned")
    assert event.message.endswith("was deleted: marked for deletion earlier.")


def planned() -> list[tuple[str, str]]:
    return [(item.path.removeprefix("clips/")[0], item.why) for item in make_plan("main", ["clips"]).items]


def test_a_dry_run_counts_the_space_of_marked_clips(archive: ClipArchive) -> None:
    Clip.objects.filter(pk=archive.clips(6, HALF_MB)[5].pk).update(deleted_at="2026-03-29T00:00:00Z")
    assert planned() == [("5", "asked"), ("0", "space")]


def test_a_dry_run_lists_no_clip_of_a_missing_root(
    archive: ClipArchive, disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(monkeypatch, rolling_clips_count=1)
    clips = archive.clips(3)
    Clip.objects.filter(pk=clips[0].pk).update(deleted_at="2026-03-29T00:00:00Z")
    disk.unmount()
    plan = make_plan("main", ["clips"])
    assert plan.items == ()
    assert "not mounted" in plan.problems[0]
