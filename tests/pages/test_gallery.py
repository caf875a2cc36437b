"""The gallery and the page of a capture, without a browser: nights, filters, losses, access, and the number of
queries."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import uuid6
from django.conf import settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cameras.models import Camera
from cameras.spool.storage import MARKER
from captures.days import Day
from captures.models import Capture, Session, SessionGap, StorageRoot
from captures.pages.gallery import tiles
from captures.pages.gallery.tiles import CountQuery, count_captures
from captures.paths import Site, night_of, night_range
from core.events.models import Event
from core.events.service import record_event
from core.text.sentences import sentence
from tests.harness.clients.pages import MARKUP, text_of
from tests.harness.rows.audiences import only_for
from tests.harness.rows.captures import UNKNOWN, file_of, saved
from tests.harness.rows.many import many_captures

DAY = "/gallery/?day=2026-03-28"
NOON = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader's clock is UTC, and the station has no site, so that a night is a day."""
    monkeypatch.setattr("skycam_project.pages.preferences.station_zone", lambda: UTC)
    sited(monkeypatch, None, "UTC")


def sited(monkeypatch: pytest.MonkeyPatch, longitude: float | None, zone: str) -> None:
    site = settings.STATION.site.model_copy(update={"longitude": longitude, "latitude": longitude, "time_zone": zone})
    monkeypatch.setattr(settings, "STATION", settings.STATION.model_copy(update={"site": site}))


def lost(camera: Camera, at: datetime, reason: str = "disk_full", **fields: Any) -> Capture:
    values = {"status": "failed", "message": f"Because of {reason}.", "started_at": at}
    return Capture.objects.create(camera=camera, reason=reason, **values | fields)


def shown(answer: Any) -> list[str]:
    """The times on the tiles."""
    return re.findall(r'class="cap-t">(?:[^<]* )?(\d\d:\d\d:\d\d)', text_of(answer))


SITES = [
    Site(),
    Site(0.0, 179.0, "Pacific/Auckland"),
    Site(40.0, -3.7, "Europe/Madrid"),
    Site(None, None, "Asia/Kathmandu"),
    Site(1.9, -157.4, "Pacific/Kiritimati"),
]


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("night", [date(2026, 3, 28), date(2026, 3, 29), date(2026, 10, 25), date(2024, 2, 29)])
def test_a_night_is_the_range_of_its_moments(night: date, site: Site) -> None:
    begin, end = night_range(night, site)
    last = end - timedelta(microseconds=1)
    assert [night_of(at, site) for at in (begin, last)] == [night, night]
    assert [night_of(at, site) for at in (begin - timedelta(microseconds=1), end)] == [
        night - timedelta(1), night + timedelta(1),
    ]  # fmt: skip


@pytest.mark.django_db
def test_a_time_after_midnight_belongs_to_the_night_before(monkeypatch: pytest.MonkeyPatch) -> None:
    sited(monkeypatch, 15.0, "Europe/Vienna")
    with timezone.override(ZoneInfo("Europe/Vienna")):
        night = Day(date(2026, 1, 10), "night")
        found = [night.at(time(hour)) for hour in (18, 2)]
    assert found == [datetime(2026, 1, 10, 17, tzinfo=UTC), datetime(2026, 1, 11, 1, tzinfo=UTC)]


def test_a_page_shows_one_day_in_chronological_order(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    for hours in (13, 5, -20, 20):
        file_of(saved(camera, started_at=NOON + timedelta(hours=hours - 12)), root)
    assert shown(viewer.get(DAY)) == ["05:00:00", "13:00:00", "20:00:00"]


def test_without_a_day_the_newest_with_captures_is_shown(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    file_of(saved(camera, started_at=NOON), root)
    text = text_of(viewer.get("/gallery/"))
    assert "2026-03-28" in text
    assert "1 saved, 0 failed, 0 skipped" in text


@pytest.mark.parametrize(("to", "day"), [("2026-03-28T20:30", "2026-03-28"), ("2026-03-28T03:00", "2026-03-27")])
def test_a_date_and_time_leads_to_its_night(
    to: str, day: str, viewer: Any, camera: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    sited(monkeypatch, 0.0, "UTC")
    assert f"Night of {day}" in text_of(viewer.get("/gallery/", {"to": to}))


def test_a_time_starts_the_page_there_with_a_link_to_earlier_ones(
    viewer: Any, camera: Camera, root: StorageRoot
) -> None:
    for minutes in range(0, 60, 10):
        file_of(saved(camera, started_at=NOON + timedelta(minutes=minutes)), root)
    later = viewer.get(DAY + "&at=12:25")
    earlier = re.findall(r'href="(\?[^"]*cursor[^"]*)"', text_of(later))
    assert shown(later) == ["12:30:00", "12:40:00", "12:50:00"]
    assert shown(viewer.get("/gallery/" + earlier[0].replace("&amp;", "&"))) == ["12:00:00", "12:10:00", "12:20:00"]


def test_a_long_night_is_split_into_pages(
    viewer: Any, camera: Camera, root: StorageRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiles, "PAGE", 2)
    for minutes in range(3):
        file_of(saved(camera, started_at=NOON + timedelta(minutes=minutes)), root)
    first = viewer.get(DAY)
    later = re.search(r'href="([^"]*)" rel="next"', text_of(first))
    assert later is not None
    second = viewer.get("/gallery/" + later[1].replace("&amp;", "&"))
    assert shown(first) == ["12:00:00", "12:01:00"]
    assert shown(second) == ["12:02:00"]


@pytest.mark.parametrize(
    ("query", "times"),
    [
        ("&camera=sky", ["12:00:00"]), ("&camera=lab", ["12:01:00"]), ("&simulated=yes", ["12:01:00"]),
        ("&simulated=no", ["12:00:00"]), ("&status=failed", []),
        ("&status=nonsense&simulated=x", ["12:00:00", "12:01:00"]),
    ],
)  # fmt: skip
def test_filters_are_in_the_address(
    query: str, times: list[str], viewer: Any, camera: Camera, root: StorageRoot
) -> None:
    lab = Camera.objects.create(slug="lab", name="Lab", kind="simulated", host="main")
    file_of(saved(camera, started_at=NOON), root)
    file_of(saved(lab, started_at=NOON + timedelta(minutes=1), simulated=True), root)
    assert shown(viewer.get(DAY + query)) == times


def test_a_session_is_a_filter_too(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    session = Session.objects.create(camera=camera, programme={}, state="finished", ended_at=NOON)
    file_of(saved(camera, started_at=NOON, session=session, index=0), root)
    file_of(saved(camera, started_at=NOON + timedelta(hours=1)), root)
    assert shown(viewer.get(f"/gallery/?session={session.pk}")) == ["12:00:00"]
    assert viewer.get(f"/gallery/?session={UNKNOWN}").status_code == 404


def test_consecutive_losses_are_one_tile_with_the_reason(viewer: Any, camera: Camera) -> None:
    for minutes in range(5):
        lost(camera, NOON + timedelta(minutes=minutes))
    lost(camera, NOON + timedelta(minutes=5), "overrun", status="skipped")
    text = text_of(viewer.get(DAY))
    assert text.count("lost-tile") == 2
    assert "5 failed: disk full" in text
    assert "12:00:00 to 12:04:00" in text
    assert text_of(viewer.get(DAY + "&status=failed")).count("lost-tile") == 5


EMPTY = [
    ("", "No captures on 2026-03-28.", "2026-03-30, the nearest day with captures"),
    ("&camera=lab", "No captures of Lab on 2026-03-28. There are none on any other day either.", ""),
    (
        "&camera=sky&status=failed",
        "No failed captures of Sky on 2026-03-28. There are none on any other day either.",
        "",
    ),
    ("&camera=sky&status=saved", "No saved captures of Sky on 2026-03-28.", "2026-03-30, the nearest day with some"),
]


@pytest.mark.parametrize(("query", "sentence", "nearest"), EMPTY)
def test_a_day_with_nothing_to_show_says_so_and_leads_to_the_nearest_with_something(
    query: str, sentence: str, nearest: str, viewer: Any, camera: Camera
) -> None:
    Camera.objects.create(slug="lab", name="Lab", kind="simulated", host="main")
    saved(camera, started_at=NOON + timedelta(days=2))
    saved(camera, started_at=NOON - timedelta(days=7))
    text = text_of(viewer.get(DAY + query))
    assert sentence in text
    assert nearest in text
    assert "No captures yet" not in text


def test_a_filter_without_matches_offers_the_beginning_of_the_day(viewer: Any, camera: Camera) -> None:
    saved(camera, started_at=NOON)
    text = text_of(viewer.get(DAY + "&camera=sky&status=failed"))
    assert "after this time" not in text
    assert "No failed captures of Sky" in text
    assert "Show everything" in text
    assert "No captures after this time" in text_of(viewer.get(DAY + "&at=23:00"))


def test_hours_without_captures_are_not_links(viewer: Any, camera: Camera) -> None:
    saved(camera, started_at=NOON)
    lost(camera, NOON + timedelta(hours=2))
    hours = re.findall(r"at=(\d\d)%3A00", text_of(viewer.get(DAY)))
    failed = re.findall(r"at=(\d\d)%3A00", text_of(viewer.get(DAY + "&status=failed")))
    assert hours == ["12", "14"]
    assert failed == ["14"]


def test_tiles_have_the_shape_of_most_pictures(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    for number, size in enumerate([(1280, 1024), (1280, 1024), (1920, 1080)]):
        file_of(saved(camera, started_at=NOON + timedelta(minutes=number)), root, width=size[0], height=size[1])
    assert 'class="tiles r-5-4"' in text_of(viewer.get(DAY))


def test_pictures_beyond_the_page_are_listed_with_their_position_by_the_same_filters(
    viewer: Any, camera: Camera, root: StorageRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiles, "PAGE", 2)
    for number in range(5):
        file_of(saved(camera, started_at=NOON + timedelta(minutes=number)), root)
    file_of(saved(camera, started_at=NOON + timedelta(minutes=5)), root, kind="other")
    lost(camera, NOON + timedelta(seconds=30))
    text = text_of(viewer.get(DAY + "&status=saved&at=12:02"))
    assert re.findall(r'data-(before|total)="(\d+)"', text) == [("before", "2"), ("total", "5")]
    [later] = re.findall(r'data-later="([^"]*)"', text)
    found = viewer.get(later.replace("&amp;", "&")).json()
    assert [picture["time"] for picture in found["pictures"]] == ["2026-03-28 12:04:00"]
    assert found["later"] == ""
    assert "status=saved" in found["earlier"]
    assert found["pictures"][0]["gallery"].startswith("/gallery/?day=2026-03-28&status=saved&cursor=")


def test_a_gap_is_a_tile_with_its_reason(viewer: Any, camera: Camera) -> None:
    session = Session.objects.create(camera=camera, programme={})
    SessionGap.objects.create(
        id=uuid6.uuid7(), session=session, from_at=NOON, to_at=NOON + timedelta(minutes=9), first_index=3, count=27,
        reason="host_down",
    )  # fmt: skip
    text = text_of(viewer.get(DAY))
    assert "27 missed: host down" in text
    assert "27 missed in gaps" in text


def test_a_gap_between_two_pages_is_on_the_earlier_one(
    viewer: Any, camera: Camera, root: StorageRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiles, "PAGE", 2)
    for minutes in (0, 1, 10, 11):
        file_of(saved(camera, started_at=NOON + timedelta(minutes=minutes)), root)
    session = Session.objects.create(camera=camera, programme={})
    SessionGap.objects.create(
        id=uuid6.uuid7(), session=session, from_at=NOON + timedelta(minutes=2), to_at=NOON + timedelta(minutes=9),
        first_index=3, count=27, reason="host_down",
    )  # fmt: skip
    first = text_of(viewer.get("/gallery/tiles/?day=2026-03-28"))
    [later] = re.findall(r'data-tiles-later="([^"]*)"', first)
    second = text_of(viewer.get(later.replace("&amp;", "&")))
    [earlier] = re.findall(r'data-tiles-earlier="([^"]*)"', second)
    again = text_of(viewer.get(earlier.replace("&amp;", "&")))
    assert ["27 missed" in page for page in (first, second, again)] == [True, False, True]


def test_the_tiles_of_a_time_behind_the_last_capture_are_the_last_ones(
    viewer: Any, camera: Camera, root: StorageRoot
) -> None:
    file_of(saved(camera, started_at=NOON), root)
    assert shown(viewer.get("/gallery/tiles/?day=2026-03-28&to=2026-03-28T12:30:00Z")) == ["12:00:00"]
    assert shown(viewer.get("/gallery/tiles/?to=2026-03-28T11:30:00Z&status=failed")) == []


def test_a_long_night_has_a_scrubber_over_the_hours_with_captures(
    viewer: Any, camera: Camera, root: StorageRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_of(saved(camera, started_at=NOON + timedelta(minutes=5)), root)
    assert 'id="scrubber"' not in text_of(viewer.get(DAY))
    monkeypatch.setattr(tiles, "PAGE", 1)
    file_of(saved(camera, started_at=NOON + timedelta(hours=2)), root)
    bar = text_of(viewer.get(DAY)).partition('id="scrubber"')[2].partition("</div></div>")[0]
    ends = [int(NOON.timestamp()), int((NOON + timedelta(hours=3)).timestamp())]
    assert [int(value) for value in re.findall(r'(?:min|max)="(\d+)"', bar)] == ends
    assert re.findall(r'<span data-at="\d+"( class="without")?> ?(\d\d)', bar) == [
        ("", "12"), (' class="without"', "13"), ("", "14"),
    ]  # fmt: skip


def test_the_calendar_counts_what_was_saved_and_what_was_not(viewer: Any, camera: Camera) -> None:
    [saved(camera, started_at=NOON + timedelta(days=-1, minutes=number)) for number in range(3)]
    lost(camera, NOON)
    text = text_of(viewer.get(DAY))
    assert "27 March: 3 saved, 0 not saved" in text
    assert "28 March: 0 saved, 1 not saved" in text


def test_a_count_stops_at_its_limit_and_says_so(viewer: Any, camera: Camera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "MAX_COUNTED", 3)
    monkeypatch.setattr("captures.pages.gallery.pages.MAX_COUNTED", 3)
    [saved(camera, started_at=NOON + timedelta(minutes=number)) for number in range(5)]
    assert "over 3 saved" in text_of(viewer.get(DAY))


@pytest.mark.parametrize(
    "query", ["day=x", "day=2026-02-30", "day=0001-01-01", "day=9999-12-31", "to=T", "at=99", "cursor=%00", "month=13",
              "month=9999-12", "session=x", "to=1970-01-01T00:00", "day=9000-12-31", "day=1970-01-01"]
)  # fmt: skip
def test_invalid_parameters_in_the_address_are_ignored(query: str, viewer: Any, camera: Camera) -> None:
    assert viewer.get(f"/gallery/?{query}").status_code in {200, 404}


def hidden(camera: Camera, manager: Any) -> None:
    only_for(camera)


def test_the_gallery_leaves_out_a_hidden_camera(viewer: Any, manager: Any, camera: Camera, root: StorageRoot) -> None:
    capture = saved(camera, started_at=NOON)
    file_of(capture, root)
    hidden(camera, manager)
    text = text_of(viewer.get(DAY))
    assert shown(viewer.get(DAY)) == []
    assert "Sky " not in text
    assert "no captures" in text
    addresses = ["/gallery/?camera=sky", f"/captures/{capture.pk}/", f"/captures/{capture.pk}/details/"]
    assert [viewer.get(address).status_code for address in addresses] == [404] * 3
    assert [manager.get(address).status_code for address in addresses] == [200] * 3


def test_names_with_markup_are_shown_as_they_are_written(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    Camera.objects.update(name=MARKUP)
    capture = saved(camera, started_at=NOON, requested_by=MARKUP, note=MARKUP, warnings=[MARKUP], serial=MARKUP)
    file_of(capture, root, f"captures/{MARKUP.replace('/', '_')}.jpg")
    lost(camera, NOON, message=MARKUP)
    record_event("capture.saved", MARKUP, camera=camera, subject=capture.pk)
    for address in (DAY, f"/captures/{capture.pk}/", f"/captures/{capture.pk}/details/"):
        assert MARKUP not in text_of(viewer.get(address))


def test_the_number_of_queries_does_not_grow(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    from django.db import connection

    some = many_captures(camera, root, 2)[0]
    addresses = ("/gallery/", f"/captures/{some.pk}/")
    viewer.get("/gallery/")
    found = []
    for number in (2, 500):
        many_captures(camera, root, number)
        for address in addresses:
            with CaptureQueriesContext(connection) as queries:
                viewer.get(address)
            found.append(len(queries))
    assert found[:2] == found[2:]
    assert max(found) <= 24


def test_a_capture_shows_its_details_files_and_events(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    capture = saved(camera, started_at=NOON, f_number=1.4, iso=1600, asked={"exposure_us": 900}, simulated=True)
    file_of(capture, root, "captures/sky/a.nef", b"raw", kind="raw", place=1)
    file_of(capture, root, "captures/sky/a.jpg", b"jpeg")
    message = sentence("{camera} saved a capture.", camera=camera)
    record_event("capture.saved", message, camera=camera, subject=capture.pk)
    text = text_of(viewer.get(f"/captures/{capture.pk}/"))
    wanted = [
        "f/1.4",
        "1600",
        "requested 900 µs",
        "a.nef",
        "a.jpg",
        "kind=raw&amp;download=1",
        "Sky saved",
        "SIMULATED",
    ]
    assert [word for word in wanted if word not in text] == []
    assert f"/captures/{capture.pk}/thumbnail/?size=2048" in text


@pytest.fixture
def disk(root: StorageRoot) -> StorageRoot:
    """A storage root that is mounted: it has its marker file."""
    Path(root.path, MARKER).write_text(f"{root.pk}\n")
    return root


def test_a_deleted_picture_is_in_the_trash_and_its_page_says_who_did_it(
    manager: Any, camera: Camera, disk: StorageRoot
) -> None:
    capture = saved(camera, started_at=NOON)
    file = file_of(capture, disk)
    answer = manager.post(f"/captures/{capture.pk}/delete/", follow=True)
    assert "<b>In the trash</b> since" in text_of(answer)
    assert "a-manager. No list shows it." in text_of(answer)
    assert Path(disk.path, file.path).exists()
    capture.refresh_from_db()
    assert capture.status == "saved"
    assert Event.objects.get(kind="capture.trashed").subject == str(capture.pk)
    assert manager.get(f"/captures/{capture.pk}/delete/").status_code == 404


def test_a_picture_in_the_trash_is_not_in_the_gallery_and_not_counted(
    manager: Any, camera: Camera, disk: StorageRoot
) -> None:
    kept, trashed = saved(camera, started_at=NOON), saved(camera, started_at=NOON + timedelta(minutes=1))
    file_of(kept, disk)
    file_of(trashed, disk)
    manager.post(f"/captures/{trashed.pk}/delete/")
    text = text_of(manager.get(f"/gallery/?day={NOON:%Y-%m-%d}&by=day"))
    assert f"/captures/{kept.pk}/" in text
    assert f"/captures/{trashed.pk}/" not in text
    assert count_captures([CountQuery(NOON, NOON + timedelta(hours=1))]) == [1]


def test_a_pinned_picture_is_not_moved_to_the_trash(manager: Any, camera: Camera, disk: StorageRoot) -> None:
    capture = saved(camera, started_at=NOON, pinned=True)
    file_of(capture, disk)
    answer = manager.post(f"/captures/{capture.pk}/delete/")
    assert answer.status_code == 409
    assert "it is pinned" in text_of(answer)
    capture.refresh_from_db()
    assert capture.trashed_at is None


def test_a_lost_capture_has_a_page_that_says_why(viewer: Any, camera: Camera) -> None:
    capture = lost(camera, NOON, message="The disk is full. Make room.")
    text = text_of(viewer.get(f"/captures/{capture.pk}/"))
    assert "Failed: disk full." in text
    assert "The disk is full. Make room." in text


def test_a_capture_links_to_its_neighbours(viewer: Any, camera: Camera) -> None:
    first, second, third = (saved(camera, started_at=NOON + timedelta(minutes=number)) for number in range(3))
    text = text_of(viewer.get(f"/captures/{second.pk}/"))
    turns = re.findall(r'href="/captures/([^/]+)/" data-pager="(-?1)"', text)
    assert turns == [(str(first.pk), "-1"), (str(third.pk), "1")]
