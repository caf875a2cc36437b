"""The rule of count: each camera keeps its newest rolling clips, and those that are pinned or held."""

from __future__ import annotations

from typing import Any

import pytest

from cameras.models import Camera
from captures.models import Clip, StorageRoot
from captures.recordings.clips import services
from captures.recordings.clips.services import (
    ClipDeleted,
    Problem,
    combine_problems,
    hold_clip,
    mark_for_deletion,
    release_holds,
)
from core.events.models import Alert, Event
from tests.harness.rows.clip_archive import LENGTH, ClipArchive, ahead

SHORT = LENGTH / 60

pytestmark = pytest.mark.django_db


def test_the_newest_clips_of_a_camera_stay_and_the_others_are_deleted(archive: ClipArchive) -> None:
    archive.clips(5)
    archive.cleanup.run()
    assert archive.kept == ["2", "3", "4"]


def test_a_look_that_deletes_nothing_takes_no_lock_for_writing(
    archive: ClipArchive, django_assert_max_num_queries: Any
) -> None:
    archive.clips(3)
    archive.cleanup.run()
    with django_assert_max_num_queries(12) as asked:
        archive.cleanup.run()
    assert {query["sql"].split()[0] for query in asked.captured_queries} == {"SELECT"}


def test_each_camera_keeps_its_own_clips(archive: ClipArchive) -> None:
    other = Camera.objects.create(slug="other", name="Other", kind="simulated", host="main")
    archive.clips(3)
    archive.clip(7, camera=other)
    archive.cleanup.run()
    assert archive.kept == ["0", "1", "2", "7"]


def test_short_clips_never_evict_full_length_ones(archive: ClipArchive) -> None:
    whole = archive.clips(4)
    for number in range(20, 30):
        started = whole[-1].ended_at + (number - 20) * SHORT
        archive.clip(number, started_at=started, ended_at=started + SHORT)
    archive.cleanup.run()
    assert {"0", "1", "2", "3"} & set(archive.kept) == {"2", "3"}
    archive.clip(40, started_at=whole[-1].ended_at + 6 * LENGTH, ended_at=whole[-1].ended_at + 7 * LENGTH)
    archive.cleanup.run()
    assert archive.kept == ["28", "29", "40"]


@pytest.mark.parametrize("held", [{"pinned": True}, {"kind": "manual"}])
def test_a_pinned_or_manual_clip_is_never_deleted(archive: ClipArchive, held: dict[str, object]) -> None:
    archive.clip(0, **held)
    for number in range(1, 5):
        archive.clip(number)
    archive.cleanup.run()
    assert archive.kept == ["0", "2", "3", "4"]


def test_a_held_clip_is_deleted_once_it_is_released(archive: ClipArchive) -> None:
    clips = archive.clips(4)
    hold_clip(clips[0].pk, "experiment", "growth")
    archive.cleanup.run()
    assert archive.kept == ["0", "1", "2", "3"]
    assert release_holds("experiment", "growth") == 1
    archive.cleanup.run()
    assert archive.kept == ["1", "2", "3"]


def test_a_hold_between_the_query_and_the_mark_wins(archive: ClipArchive) -> None:
    clip = archive.clip(0)
    clips = Clip.objects.deletable().filter(pk=clip.pk)
    assert clips.exists()
    hold_clip(clip.pk, "archive", "march")
    assert mark_for_deletion(clips) == []
    assert Clip.objects.get().deleted_at is None


def test_a_clip_that_is_being_deleted_cannot_be_held(archive: ClipArchive) -> None:
    clip = archive.clip(0)
    mark_for_deletion(Clip.objects.filter(pk=clip.pk))
    with pytest.raises(ClipDeleted, match="being deleted"):
        hold_clip(clip.pk, "export", "film")


def test_a_clip_on_another_host_is_left_to_that_host(archive: ClipArchive) -> None:
    elsewhere = StorageRoot.objects.create(host="roof", path=str(archive.folder))
    archive.clip(0, host="roof", root=elsewhere)
    for number in range(1, 5):
        archive.clip(number)
    archive.cleanup.run()
    assert archive.kept == ["0", "2", "3", "4"]


def test_clips_on_another_host_count_as_the_cameras_newest(archive: ClipArchive) -> None:
    elsewhere = StorageRoot.objects.create(host="roof", path=str(archive.folder))
    archive.clip(0)
    for number in range(1, 4):
        archive.clip(number, host="roof", root=elsewhere)
    archive.cleanup.run()
    assert archive.kept == ["1", "2", "3"]


def test_one_event_reports_a_batch(archive: ClipArchive) -> None:
    archive.clips(5, size=1000)
    archive.cleanup.run()
    archive.cleanup.run()
    [event] = Event.objects.filter(kind="storage.cleaned")
    assert event.camera == "sim"
    assert event.severity == "info"
    assert event.data["clips"] == 2
    assert event.data["bytes"] == 2000
    assert event.message == "2 clips of sim (2 kB) were deleted: beyond the newest 3 of the camera."


def test_a_clip_without_its_file_is_deleted_too(archive: ClipArchive) -> None:
    archive.clips(4)
    (archive.folder / "clips" / "0-rolling.mp4").unlink()
    archive.cleanup.run()
    assert archive.kept == ["1", "2", "3"]


def test_a_clip_without_its_folder_is_deleted_too(archive: ClipArchive) -> None:
    Clip.objects.filter(pk=archive.clip(0).pk).update(path="clips/gone/0.mp4")
    (archive.folder / "clips" / "0-rolling.mp4").unlink()
    for number in range(1, 4):
        archive.clip(number)
    archive.cleanup.run()
    assert archive.kept == ["1", "2", "3"]


def test_a_row_stays_while_its_record_is_in_the_spool(archive: ClipArchive) -> None:
    oldest = archive.clips(4)[0]
    record = archive.spool / "clips" / f"{oldest.pk}.done"
    record.parent.mkdir(parents=True)
    record.touch()
    archive.cleanup.run()
    assert archive.files == ["1", "2", "3"]
    assert archive.rows == ["0", "1", "2", "3"]
    record.unlink()
    archive.cleanup.run()
    assert archive.kept == ["1", "2", "3"]


def test_clips_from_a_fast_clock_are_deleted_before_newer_ones(archive: ClipArchive) -> None:
    for number in range(3):
        archive.clip(number, **ahead(number))
    archive.clip(7)
    archive.cleanup.run()
    assert archive.kept == ["1", "2", "7"]
    archive.clip(8)
    archive.clip(9)
    archive.cleanup.run()
    assert archive.kept == ["7", "8", "9"]


def test_a_pinned_clip_from_a_fast_clock_does_not_protect_the_others(archive: ClipArchive) -> None:
    archive.clip(9, **ahead(0), pinned=True)
    archive.clips(4)
    archive.cleanup.run()
    assert archive.kept == ["1", "2", "3", "9"]


def test_a_clip_that_cannot_be_deleted_blocks_no_other_and_the_alert_names_it(archive: ClipArchive) -> None:
    archive.move_and_link(archive.clips(6)[0])
    archive.cleanup.run()
    message = Alert.objects.get(key="storage.clips:main").message
    assert archive.rows == ["0", "3", "4", "5"]
    assert "clips/old/0-rolling.mp4 (Not a directory)" in message


def test_the_alert_about_a_clip_that_cannot_be_deleted_belongs_to_its_camera(archive: ClipArchive) -> None:
    clip = archive.clips(6)[0]
    archive.move_and_link(clip)
    archive.cleanup.run()
    assert Alert.objects.get(key="storage.clips:main").camera_uuid == str(clip.camera_id)


def test_an_alert_about_several_disks_names_a_clip_of_one_camera_at_most() -> None:
    open_to_all, hidden = Camera(slug="sky"), Camera(slug="attic", restricted=True)
    of_attic = Problem("A clip in /a: clips/attic/1.mp4.", hidden, "A clip in /a.")
    of_sky = Problem("A clip in /b: clips/sky/1.mp4.", open_to_all, "A clip in /b.")
    found = combine_problems([of_attic, Problem("The root /c is not mounted."), of_sky])
    assert found.sentence == "A clip in /b: clips/sky/1.mp4. A clip in /a. The root /c is not mounted."
    assert found.camera == open_to_all


def test_a_clip_is_deleted_once_the_disk_works_and_the_alert_closes(archive: ClipArchive) -> None:
    archive.move_and_link(archive.clips(4)[0])
    archive.cleanup.run()
    (archive.folder / "clips" / "old").unlink()
    archive.cleanup.run()
    assert archive.kept == ["1", "2", "3"]
    assert Alert.objects.get(key="storage.clips:main").state == "resolved"


def test_many_clips_that_cannot_be_deleted_do_not_fill_every_batch(
    archive: ClipArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MAX_AT_ONCE", 2)
    archive.move_and_link(*archive.clips(7)[:2])
    for _ in range(3):
        archive.cleanup.run()
    assert archive.rows == ["0", "1", "4", "5", "6"]


def test_thumbnails_that_cannot_be_deleted_block_no_clip(archive: ClipArchive) -> None:
    (archive.folder / ".thumbnails").symlink_to(archive.folder / "clips")
    archive.clips(4)
    archive.cleanup.run()
    assert archive.kept == ["1", "2", "3"]
