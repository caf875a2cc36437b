"""The rule of space, on a small disk: the oldest deletable clips go until there is room, and no more than that."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import uuid6

from cameras.runtime.storage import MARKER, RootMissing
from captures.models import Clip, StorageRoot
from captures.recording.cleanup import ALERT_REPEAT_S, ClipCleanup, Deleted, plan_cleanup
from captures.recording.deletion import MAX_STUCK
from captures.recording.disk_space import PENDING_S
from captures.recording.ingest import recording_settings
from monitoring.models import Alert, Event
from tests.captures.recording.clip_archive import ClipArchive, ahead, configured
from tests.faults.small_disk import SmallDisk

pytestmark = pytest.mark.django_db
HALF_MB = 500_000
"""Of a disk of 4.2 MB: six of them leave 1.2 MB."""


class Hand:
    """A clock that a test moves on."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    disk = SmallDisk(tmp_path)
    yield disk
    disk.close()


@pytest.fixture
def archive(disk: SmallDisk, monkeypatch: pytest.MonkeyPatch) -> ClipArchive:
    configured(monkeypatch, soft_floor_gb=0.002, hard_floor_gb=0.0001)
    return ClipArchive(disk.path)


def alert(archive: ClipArchive) -> Alert | None:
    return Alert.objects.exclude(state="resolved").filter(key=f"storage.soft_floor:{archive.root.pk}").first()


def test_the_oldest_clips_go_until_there_is_room(archive: ClipArchive) -> None:
    archive.clips(6, HALF_MB)
    archive.cleanup.run()
    assert (archive.kept, alert(archive)) == (["2", "3", "4", "5"], None)


def test_what_a_fast_clock_dated_into_the_future_goes_first(archive: ClipArchive) -> None:
    archive.clips(4, HALF_MB)
    archive.clip(8, HALF_MB, **ahead(0))
    archive.clip(9, HALF_MB, **ahead(1))
    assert [gone.clip.filename[0] for gone in plan_cleanup("main")] == ["8", "9"]
    archive.cleanup.run()
    assert archive.kept == ["0", "1", "2", "3"]


def test_nothing_goes_while_there_is_room(archive: ClipArchive) -> None:
    archive.clips(4, HALF_MB)
    archive.cleanup.run()
    assert (archive.kept, Event.objects.count()) == (["0", "1", "2", "3"], 0)


def test_one_event_tells_how_much_went_and_why(archive: ClipArchive) -> None:
    archive.clips(6, HALF_MB)
    archive.cleanup.run()
    [event] = Event.objects.filter(kind="storage.cleaned")
    assert event.message == f"2 clips of sim (1 MB) went, to make room in {archive.folder}."
    assert (event.data["why"], event.data["clips"], event.data["bytes"]) == ("space", 2, 2 * HALF_MB)


def test_held_and_pinned_clips_stay_and_newer_ones_go_for_them(archive: ClipArchive) -> None:
    first, second, *_ = archive.clips(6, HALF_MB)
    first.holds.create(by="experiment", name="growth")
    Clip.objects.filter(pk=second.pk).update(pinned=True)
    archive.cleanup.run()
    assert archive.kept == ["0", "1", "4", "5"]


def test_when_only_held_clips_are_left_an_alert_says_so_until_there_is_room(
    archive: ClipArchive, disk: SmallDisk
) -> None:
    archive.clips(6, HALF_MB)
    Clip.objects.update(pinned=True)
    archive.cleanup.run()
    raised = alert(archive)
    assert raised is not None
    assert (raised.severity, "no clip is left that may go" in raised.message) == ("warning", True)
    assert archive.kept == ["0", "1", "2", "3", "4", "5"]
    Clip.objects.update(pinned=False)
    archive.cleanup.run()
    assert (archive.kept, alert(archive)) == (["2", "3", "4", "5"], None)


def test_where_there_are_no_clips_at_all_the_alert_says_what_helps(archive: ClipArchive, disk: SmallDisk) -> None:
    disk.fill()
    type(archive.camera).objects.update(recording="rolling")
    archive.cleanup.run()
    raised = alert(archive)
    assert raised is not None
    assert ("pinned" in raised.message, "lower camera_config.soft_floor_gb" in raised.message) == (False, True)


def test_an_open_alert_tells_each_minute_how_it_is(archive: ClipArchive, disk: SmallDisk) -> None:
    hand = Hand()
    archive.cleanup = ClipCleanup("main", clock=hand)
    archive.clip(0, pinned=True)
    disk.leave(1_900_000)
    archive.cleanup.run()
    disk.leave(1_500_000)
    archive.cleanup.run()
    first = alert(archive)
    hand.now += ALERT_REPEAT_S
    archive.cleanup.run()
    archive.cleanup.run()
    second = alert(archive)
    assert first is not None
    assert second is not None
    assert (first.count, second.count, first.message == second.message) == (1, 2, False)


def rolling_floor() -> int:
    found: int = recording_settings()["rolling_floor_bytes"]
    return found


def test_while_no_clip_may_go_the_soft_floor_is_that_of_rolling_clips(archive: ClipArchive) -> None:
    StorageRoot.objects.update(default=True)
    archive.clips(6, HALF_MB)
    Clip.objects.update(pinned=True)
    archive.cleanup.run()
    full = rolling_floor()
    Clip.objects.update(pinned=False)
    archive.cleanup.run()
    assert (full, rolling_floor()) == (2_000_000, 100_000)


def test_the_last_clip_that_goes_makes_no_room_for_another(archive: ClipArchive, disk: SmallDisk) -> None:
    archive.clip(0, 3 * HALF_MB, pinned=True)
    archive.clip(1, HALF_MB)
    disk.leave(2_000_000 - HALF_MB + 100_000)
    archive.cleanup.run()
    archive.cleanup.run()
    assert (archive.kept, alert(archive)) == (["0"], None)
    disk.leave(2_000_000 - 100_000)
    archive.cleanup.run()
    disk.leave(2_000_000 + 100_000)
    archive.cleanup.run()
    assert alert(archive) is not None
    disk.leave(2_000_000 + 300_000)
    archive.cleanup.run()
    assert alert(archive) is None


def test_a_root_where_clips_are_about_to_go_is_looked_at_too(archive: ClipArchive, disk: SmallDisk) -> None:
    disk.fill()
    archive.cleanup.run()
    assert alert(archive) is None
    type(archive.camera).objects.update(recording="rolling")
    archive.cleanup.run()
    assert alert(archive) is not None


def test_an_alert_of_a_root_that_holds_no_clips_any_more_is_over(archive: ClipArchive, disk: SmallDisk) -> None:
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
    assert (archive.kept, event.severity) == (["2", "3", "4", "5"], "warning")
    assert "1 MB are not free yet" in event.message


def test_space_that_never_comes_is_made_up_for_after_a_while(archive: ClipArchive) -> None:
    clips, hand = archive.clips(6, HALF_MB), Hand()
    archive.cleanup = ClipCleanup("main", clock=hand)
    with open(archive.folder / clips[0].path, "rb"):
        archive.cleanup.run()
        assert archive.kept == ["2", "3", "4", "5"]
        hand.now += PENDING_S
        archive.cleanup.run()
        assert archive.kept == ["3", "4", "5"]


def test_a_root_that_was_unmounted_loses_no_file_and_no_row(archive: ClipArchive, disk: SmallDisk) -> None:
    archive.clips(6, HALF_MB)
    disk.unmount()
    archive.cleanup.run()
    assert (archive.rows, os.listdir(disk.path)) == (["0", "1", "2", "3", "4", "5"], [])
    disk.mount()
    assert archive.kept == ["0", "1", "2", "3", "4", "5"]


def test_clips_that_were_marked_before_the_root_went_away_wait_for_it(archive: ClipArchive, disk: SmallDisk) -> None:
    archive.clips(2, HALF_MB)
    Clip.objects.update(deleted_at="2026-03-29T00:00:00Z")
    disk.unmount()
    archive.cleanup.run()
    problem = Alert.objects.get(key="storage.clips:main")
    assert (archive.rows, "not mounted" in problem.message) == (["0", "1"], True)
    disk.mount()
    archive.cleanup.run()
    problem.refresh_from_db()
    assert (archive.kept, problem.state) == ([], "resolved")


def test_another_disk_at_the_same_place_loses_nothing(archive: ClipArchive, disk: SmallDisk) -> None:
    archive.clips(6, HALF_MB)
    (disk.kept / MARKER).write_text(str(uuid6.uuid7()))
    archive.cleanup.run()
    assert archive.kept == ["0", "1", "2", "3", "4", "5"]


def test_what_a_read_only_disk_keeps_goes_when_it_can_be_written_again(archive: ClipArchive, disk: SmallDisk) -> None:
    archive.clips(6, HALF_MB)
    disk.remount("ro")
    archive.cleanup.run()
    archive.cleanup.run()
    assert Clip.objects.present().count() == 6
    assert archive.rows == archive.files == ["0", "1", "2", "3", "4", "5"]
    raised = alert(archive)
    assert raised is not None
    assert "Read-only file system" in raised.message
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


def test_clips_beyond_their_number_in_a_root_that_is_not_there_are_not_even_marked(
    archive: ClipArchive, disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(monkeypatch, rolling_clips_count=1)
    archive.clips(3)
    disk.unmount()
    archive.cleanup.run()
    assert Clip.objects.present().count() == 3


def test_clips_that_the_disk_keeps_are_in_nobodys_way(archive: ClipArchive) -> None:
    archive.move_and_link(*archive.clips(6, HALF_MB)[:2])
    archive.cleanup.run()
    archive.cleanup.run()
    said = Alert.objects.get(key="storage.clips:main").message
    assert (archive.rows, "clips/old/0-rolling.mp4 (Not a directory)" in said) == (["0", "1", "4", "5"], True)


def test_one_folder_that_keeps_all_its_clips_does_not_keep_those_of_others(archive: ClipArchive) -> None:
    clips = archive.clips(MAX_STUCK + 6, HALF_MB // 2)
    archive.move_and_link(*clips[: MAX_STUCK + 2])
    archive.cleanup.run()
    assert len(archive.rows) < len(clips)
    assert Clip.objects.present().filter(path__startswith="clips/old/").count() == MAX_STUCK + 1


def test_a_disk_that_lets_nothing_go_has_but_a_few_clips_marked_however_often_it_is_looked_at(
    archive: ClipArchive, disk: SmallDisk
) -> None:
    for number, clip in enumerate(archive.clips(3 * MAX_STUCK)):
        archive.move_and_link(clip, folder=f"old-{number}")
    disk.fill()
    looks = [archive.cleanup.run() for _ in range(3)]
    assert [len(looked.problems) for looked in looks] == [1, 1, 1]
    assert Clip.objects.present().count() == 2 * MAX_STUCK
    said = Alert.objects.get(key="storage.clips:main").message
    assert "none goes to make room meanwhile" in said


def test_clips_that_the_disk_kept_make_room_once_it_is_mended(archive: ClipArchive, disk: SmallDisk) -> None:
    archive.move_and_link(*archive.clips(3))
    disk.fill()
    archive.cleanup.run()
    (archive.folder / "clips" / "old").unlink()
    (archive.folder / "elsewhere-old").rename(archive.folder / "clips" / "old")
    disk.empty()
    archive.cleanup.run()
    assert archive.rows == ["1", "2"]
    [event] = Event.objects.filter(kind="storage.cleaned")
    assert event.message.endswith("went, as was decided before.")


def planned() -> list[tuple[str, str]]:
    return [(gone.clip.filename[0], gone.why) for gone in plan_cleanup("main")]


def test_a_dry_run_counts_the_room_that_marked_clips_will_give(archive: ClipArchive) -> None:
    Clip.objects.filter(pk=archive.clips(6, HALF_MB)[5].pk).update(deleted_at="2026-03-29T00:00:00Z")
    assert planned() == [("5", "asked"), ("0", "space")]


def test_a_dry_run_names_no_clip_of_a_root_that_is_not_there(
    archive: ClipArchive, disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(monkeypatch, rolling_clips_count=1)
    clips = archive.clips(3)
    Clip.objects.filter(pk=clips[0].pk).update(deleted_at="2026-03-29T00:00:00Z")
    disk.unmount()
    found: list[Deleted] = []
    with pytest.raises(RootMissing):
        found.extend(plan_cleanup("main"))
    assert found == []
