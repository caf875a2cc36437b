"""The page of readings, and its marks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cameras.models import Camera
from captures.models import Capture, Session
from core.events.models import Event
from core.events.service import record_event
from skycam_project.pages import readings
from tests.harness.rows.audiences import only_for
from tests.harness.rows.readings import channel_of

pytestmark = pytest.mark.django_db
BEGIN = datetime(2026, 11, 22, tzinfo=UTC)
RANGE = {"from": "2026-11-22T00:00:00Z", "to": "2026-11-23T00:00:00Z"}


def marks(client: Any, **query: str) -> Any:
    return client.get("/readings/marks/", query or RANGE).json()


def event(severity: str, hours: float, **fields: Any) -> Event:
    at = BEGIN + timedelta(hours=hours)
    return record_event("storage.full", f"{severity} {hours}", severity=severity, at=at, **{"camera": None, **fields})


def session(camera: Camera, begin: float, end: float | None) -> Session:
    ended_at = None if end is None else BEGIN + timedelta(hours=end)
    state = "running" if end is None else "finished"
    return Session.objects.create(
        camera=camera, programme={"exposure_us": 1000}, started_at=BEGIN + timedelta(hours=begin), ended_at=ended_at,
        state=state,
    )  # fmt: skip


def make_capture(camera: Camera, hours: float) -> Capture:
    return Capture.objects.create(camera=camera, status="saved", started_at=BEGIN + timedelta(hours=hours))


def test_without_sensors_the_page_says_so(viewer: Any) -> None:
    assert "No sensor has given a reading yet." in viewer.get("/readings/").content.decode()


def test_the_filters_list_the_sensors_and_what_they_measure(viewer: Any) -> None:
    channel_of(name="<b>roof</b>")
    page = viewer.get("/readings/", {"sensor": "<b>roof</b>", "quantity": "humidity"}).content.decode()
    assert "<b>roof" not in page
    assert 'data-sensor="&lt;b&gt;roof&lt;/b&gt;"' in page
    assert 'data-quantity=""' in page


def test_a_range_is_the_last_day_unless_the_address_names_another(viewer: Any) -> None:
    channel_of()
    found = [
        viewer.get("/readings/", query).context["range"] for query in ({}, {"range": "week"}, {"range": "x"}, RANGE)
    ]
    assert found == ["day", "week", "day", ""]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"from": "yesterday", "to": "now"}, "is not a date and time"),
        ({"from": "2026-11-22"}, "Give both ends of the range."),
        ({"from": "2026-11-22", "to": "2026-11-21"}, "must begin before it ends"),
    ],
)
def test_a_bad_range_is_said_on_the_page_and_refused_for_marks(
    viewer: Any, query: dict[str, str], sentence: str
) -> None:
    channel_of()
    page = viewer.get("/readings/", query)
    assert (page.status_code, sentence in page.content.decode()) == (200, True)
    answer = viewer.get("/readings/marks/", query)
    assert (answer.status_code, sentence in answer.json()["error"]) == (400, True)


def test_warnings_and_errors_in_the_range_are_marks(viewer: Any) -> None:
    event("info", 1)
    event("warning", 2)
    event("critical", 3)
    event("error", 25)
    found = marks(viewer)
    assert [one["message"] for one in found["events"]] == ["critical 3", "warning 2"]
    assert found["complete"]


def test_sessions_that_overlap_the_range_are_marks(viewer: Any, camera: Camera) -> None:
    session(camera, -5, -1)
    inside = [session(camera, -2, 1), session(camera, 20, 30)]
    session(camera, 25, 26)
    assert [one["url"] for one in marks(viewer)["sessions"]] == [f"/sessions/{one.pk}/" for one in reversed(inside)]


def test_a_running_session_is_a_mark_without_an_end(viewer: Any, camera: Camera) -> None:
    session(camera, 1, None)
    assert [one["end"] for one in marks(viewer)["sessions"]] == [None]


def test_marks_of_a_hidden_camera_are_left_out(viewer: Any, camera: Camera) -> None:
    only_for(camera, "someone")
    session(camera, 1, 2)
    event("error", 1, camera=camera)
    make_capture(camera, 0)
    found = marks(viewer)
    assert [found["events"], found["sessions"], found["captures"]] == [[], [], []]


def test_captures_of_the_range_are_marks_if_they_are_few(
    viewer: Any, camera: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readings, "MAX_CAPTURES", 2)
    make_capture(camera, -1)
    inside = [make_capture(camera, hour) for hour in (1, 2)]
    found = marks(viewer)
    assert [one["url"] for one in found["captures"]] == [f"/captures/{one.pk}/" for one in reversed(inside)]
    make_capture(camera, 3)
    found = marks(viewer)
    assert (found["captures"], found["few_captures"]) == ([], False)


def test_only_the_newest_marks_are_listed(viewer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings, "MAX_MARKS", 2)
    event("error", 1)
    event("error", 2)
    event("error", 3)
    found = marks(viewer)
    assert [one["message"] for one in found["events"]] == ["error 3", "error 2"]
    assert not found["complete"]


def test_any_number_of_marks_takes_the_same_queries(
    viewer: Any, camera: Camera, django_assert_max_num_queries: Any
) -> None:
    for number in range(10):
        session(camera, number, number + 1)
        event("error", number)
        make_capture(camera, number)
    with django_assert_max_num_queries(12):
        marks(viewer)
