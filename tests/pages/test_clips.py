"""Recordings and the page of a clip, without a browser: days, filters, jumps, access, and the number of queries."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError
from django.test.utils import CaptureQueriesContext

from cameras.models import Camera
from captures.models import Clip, ClipHold, StorageRoot
from captures.recordings.clips import pages, player, timeline
from captures.recordings.clips.services import mark_for_deletion
from core.events.models import Event
from tests.harness.clients.pages import MARKUP, text_of
from tests.harness.rows.audiences import only_for
from tests.harness.rows.captures import UNKNOWN
from tests.harness.rows.clips import STARTED, clip_of, row_of

DAY = "/clips/?day=2026-03-28"


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skycam_project.pages.preferences.station_zone", lambda: UTC)


@pytest.fixture
def clip(camera: Camera, root: StorageRoot) -> Clip:
    return clip_of(camera, root)


def rows(camera: Camera, root: StorageRoot, *minutes: float, **fields: Any) -> list[Clip]:
    """Clips of one minute that start `minutes` after STARTED."""
    length_s = fields.pop("length_s", 60)
    made = [row_of(camera, root, STARTED + timedelta(minutes=number), length_s, **fields) for number in minutes]
    return Clip.objects.bulk_create(made)


def shown(answer: Any) -> list[str]:
    """The times on the tiles."""
    return re.findall(r'class="cap-t">(?:[^<]* )?(\d\d:\d\d):\d\d', text_of(answer))


def test_a_page_shows_one_day_in_chronological_order(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    rows(camera, root, 60, 5, -13 * 60, 24 * 60)
    answer = viewer.get(DAY)
    assert shown(answer) == ["12:05", "13:00"]
    assert "2 clips, 80 frames" in text_of(answer)


def test_a_clip_across_midnight_belongs_to_both_days(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    rows(camera, root, 12 * 60 - 0.5)
    days = [shown(viewer.get(f"/clips/?day=2026-03-{number}")) for number in (27, 28, 29, 30)]
    assert days == [[], ["23:59"], ["23:59"], []]


def test_without_a_day_the_newest_with_clips_is_shown(viewer: Any, clip: Clip) -> None:
    assert "2026-03-28" in text_of(viewer.get("/clips/"))


def test_a_time_starts_the_page_there_with_a_link_to_earlier_ones(
    viewer: Any, camera: Camera, root: StorageRoot
) -> None:
    rows(camera, root, 0, 10, 20, 30)
    later = viewer.get(f"{DAY}&at=12:15")
    earlier = re.findall(r'href="(\?[^"]*cursor[^"]*)"', text_of(later))
    assert shown(later) == ["12:20", "12:30"]
    assert shown(viewer.get("/clips/" + earlier[0].replace("&amp;", "&"))) == ["12:00", "12:10"]


def test_a_long_day_is_split_into_pages(
    viewer: Any, camera: Camera, root: StorageRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE", 2)
    rows(camera, root, 0, 1, 2)
    first = viewer.get(DAY)
    later = re.findall(r'href="([^"]*)" rel="next"', text_of(first))
    assert shown(viewer.get("/clips/" + later[0].replace("&amp;", "&"))) == ["12:02"]
    assert shown(first) == ["12:00", "12:01"]


FILTERS = [
    ("&camera=sky", ["12:00", "12:01"]), ("&camera=lab", ["12:02"]), ("&only=pinned", ["12:01"]),
    ("&only=lost", ["12:02"]), ("&kind=manual", ["12:01"]), ("&only=simulated", []),
    ("&only=nonsense&kind=x&at=99&missed=x&cursor=%00", ["12:00", "12:01", "12:02"]),
]  # fmt: skip


@pytest.mark.parametrize(("query", "times"), FILTERS)
def test_filters_are_in_the_address(
    query: str, times: list[str], viewer: Any, camera: Camera, root: StorageRoot
) -> None:
    lab = Camera.objects.create(slug="lab", name="Lab", kind="simulated", host="main")
    rows(camera, root, 0)
    rows(camera, root, 1, pinned=True, kind="manual")
    rows(lab, root, 2, lost_frames=3)
    assert shown(viewer.get(DAY + query)) == times


@pytest.mark.parametrize("query", ["camera=none", "camera=%00"])
def test_an_unknown_camera_is_not_found(query: str, viewer: Any, clip: Clip) -> None:
    assert [viewer.get(f"/clips/{tail}?{query}&at=2026-03-28T12:00").status_code for tail in ("", "at/")] == [404, 404]


def test_the_timeline_shows_video_and_losses(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    rows(camera, root, *range(60))
    rows(camera, root, 120, interrupted=True, message="Cut by a kill.")
    text = text_of(viewer.get(DAY + "&camera=sky"))
    assert re.findall(r'<rect class="(video|lost)" x="([\d.]+)" width="([\d.]+)"', text) == [
        ("video", "500.0", "41.67"), ("video", "583.33", "2.0"), ("lost", "583.33", "2.0"),
    ]  # fmt: skip
    assert "1 h 1 min of video, 1 clip with losses" in text


def test_a_short_gap_after_a_kill_is_drawn_and_not_counted_as_video(
    viewer: Any, camera: Camera, root: StorageRoot
) -> None:
    rows(camera, root, 0, interrupted=True)
    rows(camera, root, 1 + 6 / 60)
    text = text_of(viewer.get(DAY + "&camera=sky"))
    assert "2 min of video, 1 clip with losses" in text
    assert "<title>no video for 6 s, 12:01:00 to 12:01:06</title>" in text


def test_short_clips_with_long_gaps_do_not_count_as_a_day_of_video(
    viewer: Any, camera: Camera, root: StorageRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    Clip.objects.bulk_create(row_of(camera, root, STARTED + number * timedelta(seconds=115), 5) for number in range(36))
    assert "3 min of video" in text_of(viewer.get(DAY + "&camera=sky"))
    monkeypatch.setattr(timeline, "MAX_SINGLE", 10)
    assert "at most 1 h 7 min of video" in text_of(viewer.get(DAY + "&camera=sky"))


def test_a_range_of_the_day_fills_the_width_and_has_a_table(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    rows(camera, root, 0)
    rows(camera, root, 30, interrupted=True, message="Cut by a kill.")
    text = text_of(viewer.get(DAY + "&camera=sky&from=2026-03-28T12:00:00Z&to=2026-03-28T13:00:00Z"))
    assert re.findall(r'<rect class="(video|lost)" x="([\d.]+)" width="([\d.]+)"', text) == [
        ("video", "0.0", "16.67"), ("video", "500.0", "16.67"), ("lost", "515.28", "2.0"),
    ]  # fmt: skip
    table = text[text.index("Table of the timeline of Sky") :]
    assert re.findall(r"<tr><td>([^<]*)<", table) == ["Video", "Video", "Cut off"]
    assert "/clips/at/?camera=sky&amp;at=2026-03-28T12%3A30%3A00%2B00%3A00" in table


WINDOWS = [
    ("from=2026-03-28T12:00:00Z&to=2026-03-28T12:00:10Z", ("11:59:35", "12:00:35")),
    ("from=2026-03-27T12:00:00Z&to=2026-03-28T01:00:00Z", ("00:00:00", "13:00:00")),
    ("from=2026-03-28T20:00:00Z&to=2026-03-30T00:00:00Z", ("00:00:00", "00:00:00")),
    ("from=x&to=2026-03-28T13:00:00Z", ("00:00:00", "00:00:00")),
    ("from=2026-03-20T12:00:00Z&to=2026-03-20T13:00:00Z", ("00:00:00", "00:00:00")),
    ("from=2026-03-28T13:00:00Z&to=2026-03-28T12:00:00Z", ("00:00:00", "00:00:00")),
]


@pytest.mark.parametrize(("query", "shown"), WINDOWS)
def test_a_range_that_is_too_short_too_long_or_on_another_day_is_limited_to_this_day(
    query: str, shown: tuple[str, str], viewer: Any, clip: Clip
) -> None:
    text = text_of(viewer.get(f"{DAY}&{query}"))
    assert re.findall(r"<span data-range>\S+ (\S+) to \S+ (\S+)</span>", text) == [shown]


def test_a_script_gets_only_the_timelines(viewer: Any, clip: Clip) -> None:
    for address in (DAY, f"/clips/{clip.pk}/"):
        text = text_of(viewer.get(address, headers={"HX-Request": "true"}))
        assert "data-timeline-row" in text
        assert "<html" not in text
        assert "<video" not in text


def test_a_clips_page_shows_the_hour_around_it(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    [clip] = rows(camera, root, 0)
    assert "2026-03-28 11:30:30 to 2026-03-28 12:30:30" in text_of(viewer.get(f"/clips/{clip.pk}/"))


MOMENTS = [
    ("2026-03-28T12:00:30", "/clips/{}/?t=30"),
    ("2026-03-28T12:00:30.5Z", "/clips/{}/?t=30.5"),
    ("2026-03-28T13:00:00%2B01:00", "/clips/{}/?t=0"),
    ("2026-03-28T12:01:00", "/clips/?day=2026-03-28&camera=sky&missed=2026-03-28T12%3A01%3A00%2B00%3A00"),
    ("never", "/clips/?camera=sky"),
    ("9999-12-31T23:59:59-12:00", "/clips/?camera=sky"),
]


@pytest.mark.parametrize(("at", "leads_to"), MOMENTS)
def test_a_moment_opens_its_clip_at_that_second(
    at: str, leads_to: str, viewer: Any, camera: Camera, root: StorageRoot
) -> None:
    [clip] = rows(camera, root, 0)
    assert viewer.get(f"/clips/at/?camera=sky&at={at}")["Location"] == leads_to.format(clip.pk)


def test_a_moment_without_video_shows_the_clips_before_and_after(
    viewer: Any, camera: Camera, root: StorageRoot
) -> None:
    before, after = rows(camera, root, 0, 10)
    text = text_of(viewer.get("/clips/at/?camera=sky&at=2026-03-28T12:05", follow=True))
    assert "No video of Sky at 2026-03-28 12:05:00" in text
    assert f"/clips/{before.pk}/?t=60.0000" in text
    assert f"/clips/{after.pk}/" in text


def test_without_a_camera_a_moment_opens_any_that_has_video_there(
    viewer: Any, camera: Camera, root: StorageRoot
) -> None:
    Camera.objects.create(slug="allsky", name="All-sky", kind="simulated", host="main")
    rows(camera, root, 0)
    [clip] = rows(Camera.objects.create(slug="zoo", name="Zoo", kind="simulated", host="main"), root, 30, length_s=300)
    rows(camera, root, 31)
    answer = viewer.get("/clips/at/?at=2026-03-28 12:30:20")
    assert answer["Location"] == f"/clips/{clip.pk}/?t=20"


def test_a_moment_without_video_in_any_camera_names_no_camera(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    [clip] = rows(camera, root, 0)
    text = text_of(viewer.get("/clips/at/?at=2026-03-28 13:00:00", follow=True))
    assert "No video of any camera at 2026-03-28 13:00:00" in text
    assert f"/clips/{clip.pk}/?t=60.0000" in text
    assert "There is no later clip.</p>" in text


def test_the_page_links_to_other_cameras_that_have_video(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    Camera.objects.create(slug="lab", name="Lab", kind="simulated", host="main")
    rows(camera, root, 0)
    text = text_of(viewer.get("/clips/at/?camera=lab&at=2026-03-28 12:00:30", follow=True))
    assert "No video of Lab at 2026-03-28 12:00:30" in text
    assert "Sky has video at that time" in text


def test_a_clip_being_recorded_is_announced_only_for_a_recording_camera(
    viewer: Any, camera: Camera, root: StorageRoot
) -> None:
    rows(camera, root, 0)
    Camera.objects.create(slug="lab", name="Lab", kind="simulated", host="main", recording="rolling")
    texts = [
        text_of(viewer.get(f"/clips/?{of}missed=2026-03-28 13:00:00Z")) for of in ("camera=sky&", "camera=lab&", "")
    ]
    assert ["being recorded appears when it ends" in text for text in texts] == [False, True, True]


def test_a_clip_has_a_player_and_its_details(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    clip = clip_of(camera, root, simulated=True, requested_by="ada", lost_frames=2)
    ClipHold.objects.create(clip=clip, by="experiment", name="Perseids")
    text = text_of(viewer.get(f"/clips/{clip.pk}/?t=2.5"))
    wanted = [
        f"/api/v1/clips/{clip.pk}/file/?form=faststart#t=2.5000", f"/api/v1/clips/{clip.pk}/file/#t=2.5000",
        "SIMULATED",
        "2 frames lost during recording", "ada", "experiment Perseids", "h264", clip.filename, 'data-start="2.5000"',
    ]  # fmt: skip
    assert [word for word in wanted if word not in text] == []


@pytest.mark.parametrize(("given", "start"), [("x", "0.0000"), ("nan", "0.0000"), ("-1", "0.0000"), ("1e9", "4.0000")])
def test_an_invalid_start_becomes_the_nearest_valid_one(given: str, start: str, viewer: Any, clip: Clip) -> None:
    assert f'data-start="{start}"' in text_of(viewer.get(f"/clips/{clip.pk}/?t={given}"))


def test_a_clip_that_was_cut_off_says_so_and_why(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    clip = clip_of(camera, root, interrupted=True, reason="camera_crashed", message="The process was killed.")
    text = text_of(viewer.get(f"/clips/{clip.pk}/"))
    assert "Cut off at 12:00:04: camera crashed.</b> The process was killed." in text


def test_the_losses_of_a_clip_cut_off_by_a_kill_are_unknown(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    clip = clip_of(camera, root, interrupted=True, reason="camera_crashed", lost_frames=None)
    assert "lost frames: unknown" in text_of(viewer.get(f"/clips/{clip.pk}/"))
    assert viewer.get(f"/api/v1/clips/{clip.pk}/").json()["lost_frames"] is None


def test_a_clip_links_to_its_neighbours_and_says_whether_the_video_continues(
    viewer: Any, camera: Camera, root: StorageRoot
) -> None:
    first, second, third = rows(camera, root, 0, 1, 5)
    texts = [text_of(viewer.get(f"/clips/{clip.pk}/")) for clip in (first, second)]
    assert f'href="/clips/{second.pk}/" data-newer' in texts[0]
    assert "Continues in the" in texts[0]
    assert f'href="/clips/{first.pk}/" data-older' in texts[1]
    assert "No video until the" in texts[1]
    assert f'href="/clips/{third.pk}/" data-newer' in texts[1]


def test_a_file_on_another_host_names_the_host(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    clip = clip_of(camera, root, host="mountain")
    text = text_of(viewer.get(f"/clips/{clip.pk}/"))
    assert "camera host mountain" in text
    assert "<video" not in text
    assert "data-do=" not in text


def test_a_moment_outside_the_calendar_is_ignored(viewer: Any, camera: Camera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skycam_project.pages.preferences.station_zone", lambda: timezone(timedelta(hours=14)))
    assert viewer.get("/clips/at/?camera=sky&at=9999-12-31T23:59:59Z")["Location"] == "/clips/?camera=sky"
    assert viewer.get("/clips/?camera=sky&missed=9999-12-31T23:59:59Z").status_code == 200


def test_a_clip_is_pinned_and_unpinned_on_its_page(operator: Any, clip: Clip) -> None:
    operator.post(f"/clips/{clip.pk}/pin/", {"pinned": "yes"}, format="multipart")
    assert Clip.objects.get().pinned
    part = operator.post(f"/clips/{clip.pk}/pin/", {"pinned": "no"}, format="multipart", headers={"HX-Request": "true"})
    assert Clip.objects.get().pinned is False
    assert 'aria-pressed="false"' in text_of(part)


def test_a_clip_being_deleted_cannot_be_pinned(operator: Any, clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(player, "pin_clip", lambda found, *_: mark_for_deletion(Clip.objects.filter(pk=found.pk)))
    assert operator.post(f"/clips/{clip.pk}/pin/", {"pinned": "yes"}, format="multipart").status_code == 404


def test_the_deletion_form_lists_what_will_be_lost(manager: Any, clip: Clip) -> None:
    text = text_of(manager.get(f"/clips/{clip.pk}/delete/"))
    assert "4 s of video of Sky" in text
    assert "40 frames from 2026-03-28 12:00:00 to 12:00:04" in text
    answer = manager.post(f"/clips/{clip.pk}/delete/", follow=True)
    assert Clip.objects.present().count() == 0
    assert f"Deleted: {clip.filename}." in text_of(answer)
    assert Event.objects.get(kind="recording.deleted").actor == "a-manager"


def test_a_pinned_or_held_clip_offers_no_deletion(manager: Any, clip: Clip) -> None:
    Clip.objects.update(pinned=True)
    text = text_of(manager.get(f"/clips/{clip.pk}/delete/"))
    assert "It cannot be deleted: it is held by a pin" in text
    assert "Delete 1 clip" not in text
    assert manager.post(f"/clips/{clip.pk}/delete/").status_code == 409
    assert Clip.objects.count() == 1


def test_a_viewer_sees_no_controls_and_an_operator_cannot_delete(viewer: Any, operator: Any, clip: Clip) -> None:
    address = f"/clips/{clip.pk}/"
    assert "/pin/" not in text_of(viewer.get(address))
    assert "/delete/" not in text_of(viewer.get(DAY))
    assert "/pin/" in text_of(operator.get(DAY))
    assert "/delete/" not in text_of(operator.get(address))


def test_the_recordings_leave_out_a_hidden_camera(viewer: Any, manager: Any, clip: Clip) -> None:
    only_for(clip.camera)
    text = text_of(viewer.get(DAY))
    assert shown(viewer.get(DAY)) == []
    assert ">Sky<" not in text
    assert "no clips" in text
    addresses = ["/clips/?camera=sky", "/clips/at/?camera=sky&at=2026-03-28T12:00", f"/clips/{clip.pk}/"]
    assert [viewer.get(address).status_code for address in addresses] == [404] * 3
    assert viewer.get(f"/clips/{UNKNOWN}/").status_code == 404


def test_names_with_markup_are_shown_as_they_are_written(manager: Any, camera: Camera, root: StorageRoot) -> None:
    Camera.objects.update(name=MARKUP)
    fields = {"requested_by": MARKUP, "message": MARKUP, "codec": MARKUP[:20], "interrupted": True}
    clip = row_of(camera, root, STARTED, **fields)
    clip.save()
    ClipHold.objects.create(clip=clip, by="archive", name=MARKUP)
    for address in (DAY, f"/clips/{clip.pk}/", f"/clips/{clip.pk}/delete/"):
        assert MARKUP not in text_of(manager.get(address))


def test_the_number_of_queries_does_not_grow(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    from django.db import connection

    [some] = rows(camera, root, 0)
    viewer.get(DAY)
    found = []
    for first in (1, 100):
        rows(camera, root, *range(first, first + 40))
        for address in (DAY, f"/clips/{some.pk}/"):
            with CaptureQueriesContext(connection) as queries:
                viewer.get(address)
            found.append(len(queries))
    assert found[:2] == found[2:]
    assert max(found) <= 30


def test_an_empty_station_says_how_to_get_clips(viewer: Any, camera: Camera) -> None:
    text = text_of(viewer.get("/clips/"))
    assert "No clips yet." in text
    assert f"{datetime.now(UTC):%Y}" in text


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_page_says_that_the_database_is_locked(
    error: type[Exception], operator: Any, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: Any) -> None:
        raise error("database is locked")

    operator.raise_request_exception = False
    monkeypatch.setattr("captures.recordings.clips.player.pin_clip", locked)
    answer = operator.post(f"/clips/{clip.pk}/pin/", {"pinned": "yes"}, format="multipart")
    assert answer.status_code == 503
    assert "nothing was changed" in text_of(answer)
    assert Clip.objects.get().pinned is False
