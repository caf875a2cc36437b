"""The rule of count: each camera keeps its newest rolling clips, and whatever somebody holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from cameras.models import Camera
from captures.models import Clip, StorageRoot
from captures.recording import deletion
from captures.recording.deletion import Problem, combine_problems, mark_for_deletion
from captures.recording.holds import ClipDeleted, hold_clip, release_holds
from monitoring.models import Alert, Event
from tests.captures.recording.shelf import LENGTH, Shelf, ahead, configured

SHORT = LENGTH / 60

pytestmark = pytest.mark.django_db


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    configured(monkeypatch, rolling_clips_count=3, soft_floor_gb=0, hard_floor_gb=0)
    return Shelf(tmp_path)


def test_the_newest_of_a_camera_stay_and_the_others_go(shelf: Shelf) -> None:
    shelf.clips(5)
    shelf.cleanup.run()
    assert shelf.kept == ["2", "3", "4"]


def test_each_camera_keeps_its_own(shelf: Shelf) -> None:
    other = Camera.objects.create(slug="other", name="Other", kind="simulated", host="main")
    shelf.clips(3)
    shelf.clip(7, camera=other)
    shelf.cleanup.run()
    assert shelf.kept == ["0", "1", "2", "7"]


def test_clips_of_seconds_push_out_no_whole_ones_of_the_time_that_is_kept(shelf: Shelf) -> None:
    whole = shelf.clips(4)
    for number in range(20, 30):
        started = whole[-1].ended_at + (number - 20) * SHORT
        shelf.clip(number, started_at=started, ended_at=started + SHORT)
    shelf.cleanup.run()
    assert {"0", "1", "2", "3"} & set(shelf.kept) == {"2", "3"}
    shelf.clip(40, started_at=whole[-1].ended_at + 6 * LENGTH, ended_at=whole[-1].ended_at + 7 * LENGTH)
    shelf.cleanup.run()
    assert shelf.kept == ["28", "29", "40"]


@pytest.mark.parametrize("held", [{"pinned": True}, {"kind": "manual"}])
def test_a_clip_that_is_pinned_or_asked_for_never_goes(shelf: Shelf, held: dict[str, object]) -> None:
    shelf.clip(0, **held)
    for number in range(1, 5):
        shelf.clip(number)
    shelf.cleanup.run()
    assert shelf.kept == ["0", "2", "3", "4"]


def test_a_clip_that_an_experiment_holds_goes_once_it_is_let_go(shelf: Shelf) -> None:
    clips = shelf.clips(4)
    hold_clip(clips[0].pk, "experiment", "growth")
    shelf.cleanup.run()
    assert shelf.kept == ["0", "1", "2", "3"]
    assert release_holds("experiment", "growth") == 1
    shelf.cleanup.run()
    assert shelf.kept == ["1", "2", "3"]


def test_a_hold_that_came_after_the_look_and_before_the_mark_wins(shelf: Shelf) -> None:
    clip = shelf.clip(0)
    chosen = Clip.objects.loose().filter(pk=clip.pk)
    assert chosen.exists()
    hold_clip(clip.pk, "archive", "march")
    assert (mark_for_deletion(chosen), Clip.objects.get().deleted_at) == ([], None)


def test_a_clip_that_is_being_deleted_cannot_be_held(shelf: Shelf) -> None:
    clip = shelf.clip(0)
    mark_for_deletion(Clip.objects.filter(pk=clip.pk))
    with pytest.raises(ClipDeleted, match="being deleted"):
        hold_clip(clip.pk, "export", "film")


def test_a_clip_on_another_host_is_left_to_that_host(shelf: Shelf) -> None:
    elsewhere = StorageRoot.objects.create(host="roof", path=str(shelf.folder))
    shelf.clip(0, host="roof", root=elsewhere)
    for number in range(1, 5):
        shelf.clip(number)
    shelf.cleanup.run()
    assert shelf.kept == ["0", "2", "3", "4"]


def test_clips_on_another_host_count_as_the_cameras_newest(shelf: Shelf) -> None:
    elsewhere = StorageRoot.objects.create(host="roof", path=str(shelf.folder))
    shelf.clip(0)
    for number in range(1, 4):
        shelf.clip(number, host="roof", root=elsewhere)
    shelf.cleanup.run()
    assert shelf.kept == ["1", "2", "3"]


def test_one_event_tells_of_a_batch(shelf: Shelf) -> None:
    shelf.clips(5, size=1000)
    shelf.cleanup.run()
    shelf.cleanup.run()
    [event] = Event.objects.filter(kind="storage.cleaned")
    assert (event.camera, event.severity, event.data["clips"], event.data["bytes"]) == ("sim", "info", 2, 2000)
    assert event.message == "2 clips of sim (2 kB) went, beyond the newest 3 of the camera."


def test_a_clip_whose_file_somebody_removed_goes_too(shelf: Shelf) -> None:
    shelf.clips(4)
    (shelf.folder / "clips" / "0-rolling.mp4").unlink()
    shelf.cleanup.run()
    assert shelf.kept == ["1", "2", "3"]


def test_a_clip_whose_folder_somebody_removed_goes_too(shelf: Shelf) -> None:
    Clip.objects.filter(pk=shelf.clip(0).pk).update(path="clips/gone/0.mp4")
    (shelf.folder / "clips" / "0-rolling.mp4").unlink()
    for number in range(1, 4):
        shelf.clip(number)
    shelf.cleanup.run()
    assert shelf.kept == ["1", "2", "3"]


def test_a_row_stays_while_its_record_could_bring_it_back(shelf: Shelf) -> None:
    oldest = shelf.clips(4)[0]
    record = shelf.spool / "clips" / f"{oldest.pk}.done"
    record.parent.mkdir(parents=True)
    record.touch()
    shelf.cleanup.run()
    assert (shelf.files, shelf.rows) == (["1", "2", "3"], ["0", "1", "2", "3"])
    record.unlink()
    shelf.cleanup.run()
    assert shelf.kept == ["1", "2", "3"]


def test_what_was_recorded_while_the_clock_was_fast_goes_before_what_is_recorded_since(shelf: Shelf) -> None:
    for number in range(3):
        shelf.clip(number, **ahead(number))
    shelf.clip(7)
    shelf.cleanup.run()
    assert shelf.kept == ["1", "2", "7"]
    shelf.clip(8)
    shelf.clip(9)
    shelf.cleanup.run()
    assert shelf.kept == ["7", "8", "9"]


def test_a_pinned_clip_of_a_clock_that_was_fast_does_not_keep_the_others_from_going(shelf: Shelf) -> None:
    shelf.clip(9, **ahead(0), pinned=True)
    shelf.clips(4)
    shelf.cleanup.run()
    assert shelf.kept == ["1", "2", "3", "9"]


def test_a_clip_that_cannot_be_deleted_keeps_no_other_and_the_alert_names_it(shelf: Shelf) -> None:
    shelf.move_and_link(shelf.clips(6)[0])
    shelf.cleanup.run()
    said = Alert.objects.get(key="storage.clips:main").message
    assert (shelf.rows, "clips/old/0-rolling.mp4 (Not a directory)" in said) == (["0", "3", "4", "5"], True)


def test_the_alert_of_a_clip_that_cannot_be_deleted_is_seen_by_those_who_see_its_camera(shelf: Shelf) -> None:
    clip = shelf.clips(6)[0]
    shelf.move_and_link(clip)
    shelf.cleanup.run()
    assert Alert.objects.get(key="storage.clips:main").camera_uuid == str(clip.camera_id)


def test_an_alert_of_several_disks_names_clips_of_one_camera_at_most() -> None:
    open_to_all, hidden = Camera(slug="sky"), Camera(slug="attic", restricted=True)
    of_attic = Problem("A clip in /a: clips/attic/1.mp4.", hidden, "A clip in /a.")
    of_sky = Problem("A clip in /b: clips/sky/1.mp4.", open_to_all, "A clip in /b.")
    found = combine_problems([of_attic, Problem("The root /c is not mounted."), of_sky])
    assert (found.sentence, found.camera) == (
        "A clip in /b: clips/sky/1.mp4. A clip in /a. The root /c is not mounted.", open_to_all
    )  # fmt: skip


def test_it_goes_once_its_disk_lets_it_go_and_the_alert_ends(shelf: Shelf) -> None:
    shelf.move_and_link(shelf.clips(4)[0])
    shelf.cleanup.run()
    (shelf.folder / "clips" / "old").unlink()
    shelf.cleanup.run()
    assert (shelf.kept, Alert.objects.get(key="storage.clips:main").state) == (["1", "2", "3"], "resolved")


def test_many_that_cannot_be_deleted_do_not_fill_every_sweep(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletion, "MAX_AT_ONCE", 2)
    shelf.move_and_link(*shelf.clips(7)[:2])
    for _ in range(3):
        shelf.cleanup.run()
    assert shelf.rows == ["0", "1", "4", "5", "6"]


def test_thumbnails_that_cannot_be_removed_keep_no_clip(shelf: Shelf) -> None:
    (shelf.folder / ".thumbnails").symlink_to(shelf.folder / "clips")
    shelf.clips(4)
    shelf.cleanup.run()
    assert shelf.kept == ["1", "2", "3"]
