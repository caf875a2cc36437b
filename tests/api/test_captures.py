from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from cameras.models import Camera
from captures.capturing.answers import CaptureBody
from captures.capturing.selectors import captures_for
from captures.models import Session, SessionGap, StorageRoot
from core.api.paging import beyond
from core.api.queries import Cursor
from skycam_project.access.models import User
from tests.harness.clients.programs import program
from tests.harness.rows.audiences import only_for
from tests.harness.rows.captures import UNKNOWN, file_of, saved

URL = "/api/v1/captures/"
EVENING = datetime(2026, 3, 28, 20, 0, 0, 123456, tzinfo=UTC)


def night(camera: Camera, count: int, step: float = 60.0) -> list[str]:
    """Captures, `step` seconds apart; their ids, newest first."""
    found = [saved(camera, started_at=EVENING + timedelta(seconds=step * number)) for number in range(count)]
    return [str(capture.id) for capture in reversed(found)]


def ids(answer: Any) -> list[str]:
    return [capture["id"] for capture in answer.json()["results"]]


def test_a_capture_has_the_keys_of_the_contract(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    capture = saved(camera, started_at=EVENING, asked={"exposure_us": 900}, warnings=["The nearest is 1000."])
    file = file_of(capture, root, width=640, height=480)
    body = viewer.get(f"{URL}{capture.id}/").json()
    assert set(body) == set(CaptureBody.model_fields)
    assert body["started"] == "2026-03-28T20:00:00.123Z"
    assert body["ended"] is None
    assert body["camera"] == "sky"
    assert body["exposure_us"] == 1000
    assert body["asked"] == {"exposure_us": 900}
    assert body["thumbnail"] == f"{URL}{capture.id}/thumbnail/"
    assert body["filename"] == f"{capture.id}.jpg"
    assert body["sha256"] == file.sha256
    assert body["width"] == 640
    assert body["files"][0]["url"] == f"{URL}{capture.id}/file/?kind=jpeg"


def test_a_capture_whose_shutter_never_opened_has_no_start(viewer: Any, camera: Camera) -> None:
    capture = saved(camera)
    type(capture).objects.update(exposed=False)
    assert viewer.get(f"{URL}{capture.id}/").json()["started"] is None


def test_pages_lead_to_every_capture_once_and_back(viewer: Any, camera: Camera) -> None:
    expected = night(camera, 7, step=0)
    first = viewer.get(URL, {"limit": 3})
    second = viewer.get(first.json()["next"])
    third = viewer.get(second.json()["next"])
    assert ids(first) + ids(second) + ids(third) == sorted(expected, reverse=True)
    assert first.json()["previous"] is None
    assert third.json()["next"] is None
    assert ids(viewer.get(third.json()["previous"])) == ids(second)
    assert ids(viewer.get(second.json()["previous"])) == ids(first)


def test_a_capture_added_between_pages_does_not_shift_them(viewer: Any, camera: Camera) -> None:
    expected = night(camera, 4)
    first = viewer.get(URL, {"limit": 2})
    saved(camera, started_at=EVENING + timedelta(days=1))
    assert ids(viewer.get(first.json()["next"])) == expected[2:]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"camera": "sky"}, 3),
        ({"status": "saved"}, 3),
        ({"status": "failed"}, 0),
        ({"simulated": "true"}, 0),
        ({"simulated": "0"}, 3),
        ({"from": "2026-03-28T20:01:00Z"}, 2),
        ({"to": "2026-03-28T20:01:00.2Z"}, 2),
        ({"from": "2026-03-28T21:01:00.123456+01:00", "to": "2026-03-28T20:02:00Z"}, 1),
        ({"session": UNKNOWN}, 0),
    ],
)
def test_filters_narrow_the_list(query: dict[str, str], expected: int, viewer: Any, camera: Camera) -> None:
    night(camera, 3)
    assert len(ids(viewer.get(URL, query))) == expected


BAD_QUERIES = [
    ({"limit": "0"}, "limit"),
    ({"limit": "201"}, "limit"),
    ({"limit": "many"}, "limit"),
    ({"cursor": "x"}, "cursor"),
    ({"cursor": "b2Zvbw"}, "cursor"),
    ({"cursor": "bzAwMDEtMDEtMDFUMDA6MDA6MDArMTQ6MDB8MDE5N2EwMDAtMDAwMC03MDAwLTgwMDAtMDAwMDAwMDAwMDAw"}, "cursor"),
    ({"status": "lost"}, "status"),
    ({"simulated": "perhaps"}, "simulated"),
    ({"from": "yesterday"}, "from"),
    ({"from": "2026-03-28T20:00:00"}, "from"),
    ({"from": "0001-01-01T00:00:00+14:00"}, "from"),
    ({"session": "first"}, "session"),
    ({"camera": "none"}, "camera"),
    ({"camera": "a\0b"}, "camera"),
    ({"colour": "red"}, "colour"),
    ({"page": "2"}, "page"),
    ({"limit": ["1", "2"]}, "limit"),
    ({"from": "2026-03-29T00:00:00Z", "to": "2026-03-28T00:00:00Z"}, ""),
]


@pytest.mark.parametrize(("query", "field"), BAD_QUERIES)
def test_an_invalid_or_unknown_filter_is_refused(query: Any, field: str, viewer: Any, camera: Camera) -> None:
    answer = viewer.get(URL, query)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field


def test_the_number_of_queries_does_not_depend_on_the_length_of_a_page(
    camera: Camera, root: StorageRoot, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = program("viewer")
    for number in range(5):
        file_of(saved(camera, started_at=EVENING + timedelta(minutes=number)), root)
    client.get(URL)
    with django_assert_num_queries(5):
        client.get(URL, {"limit": 1})
    with django_assert_num_queries(5):
        client.get(URL, {"limit": 5})


def plan(conditions: dict[str, Any], cursor: Cursor | None) -> str:
    """The database's query plan for a page of captures for a manager."""
    user = User.objects.create_user(username="m", role="manager")
    rows = captures_for(user).filter(**conditions)
    return str(beyond(rows, "started_at", cursor).order_by("-started_at", "-id")[:51].explain())


@pytest.mark.parametrize(
    ("conditions", "index"),
    [
        ({}, "capture_newest"),
        ({"camera_id": UNKNOWN}, "capture_camera_newest"),
        ({"status": "failed"}, "capture_status_newest"),
        ({"simulated": True}, "capture_simulated_newest"),
        ({"simulated": False}, "capture_real_newest"),
    ],
)
@pytest.mark.parametrize("cursor", [None, Cursor(EVENING, UUID(UNKNOWN), newer=False)], ids=["first", "deep"])
def test_the_database_uses_the_index_and_does_not_sort(
    cursor: Cursor | None, conditions: dict[str, Any], index: str, db: None
) -> None:
    explained = plan(conditions, cursor)
    assert index in explained
    assert "TEMP B-TREE" not in explained
    assert "MULTI-INDEX" not in explained


def test_the_list_counts_no_rows(viewer: Any, camera: Camera) -> None:
    from django.test.utils import CaptureQueriesContext

    night(camera, 2)
    with CaptureQueriesContext(connection) as queries:
        viewer.get(URL)
    assert not [query for query in queries if "COUNT(" in query["sql"].upper()]


def test_a_restricted_camera_does_not_exist_for_others(viewer: Any, operator: Any, camera: Camera) -> None:
    capture = saved(camera)
    session = Session.objects.create(camera=camera, programme={})
    only_for(camera, "a-viewer")
    for_others = [
        "/api/v1/cameras/sky/", "/api/v1/cameras/sky/status/", f"{URL}{capture.id}/", f"{URL}{capture.id}/file/",
        f"/api/v1/sessions/{session.id}/",
    ]  # fmt: skip
    assert [operator.get(url).status_code for url in for_others] == [404] * 5
    assert [operator.get(url).json()["results"] for url in (URL, "/api/v1/sessions/", "/api/v1/cameras/")] == [[]] * 3
    assert operator.post("/api/v1/cameras/sky/stop/").status_code == 404
    assert operator.get(URL, {"camera": "sky"}).status_code == 400
    assert ids(viewer.get(URL)) == [str(capture.id)]


def test_the_captures_of_a_removed_camera_stay(viewer: Any, manager: Any, camera: Camera) -> None:
    capture = saved(camera)
    assert manager.delete("/api/v1/cameras/sky/").status_code == 204
    assert ids(viewer.get(URL, {"camera": "sky"})) == [str(capture.id)]
    assert viewer.get("/api/v1/cameras/sky/").status_code == 404


def test_the_calendar_counts_by_the_days_of_a_time_zone(viewer: Any, camera: Camera) -> None:
    night(camera, 5, step=3600.0)
    span = {"from": "2026-03-28", "to": "2026-03-30"}
    utc = viewer.get(f"{URL}calendar/", span).json()
    vienna = viewer.get(f"{URL}calendar/", {**span, "tz": "Europe/Vienna"}).json()
    assert utc["results"] == [{"day": "2026-03-28", "count": 4}, {"day": "2026-03-29", "count": 1}]
    assert vienna["results"] == [{"day": "2026-03-28", "count": 3}, {"day": "2026-03-29", "count": 2}]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"tz": "Mars/Olympus"}, "tz"),
        ({"tz": "../etc/passwd"}, "tz"),
        ({"from": "2026-13-01"}, "from"),
        ({"from": "2020-01-01", "to": "2026-01-01"}, ""),
        ({"from": "2026-01-02", "to": "2026-01-01"}, ""),
        ({"to": "0001-01-01"}, ""),
        ({"to": "9999-12-31"}, ""),
        ({"camera": "none"}, "camera"),
    ],
)
def test_an_invalid_calendar_query_is_refused(query: dict[str, str], field: str, viewer: Any) -> None:
    answer = viewer.get(f"{URL}calendar/", query)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field


def test_a_session_has_its_counts_and_gaps(viewer: Any, camera: Camera) -> None:
    session = Session.objects.create(
        camera=camera, programme={"exposure_us": 8_000_000}, state="running", planned=5, saved=2, skipped=3,
        exposure_total_us=16_000_000, next_at=EVENING,
    )  # fmt: skip
    SessionGap.objects.create(
        id=UNKNOWN, session=session, from_at=EVENING, to_at=EVENING, first_index=2, count=3, reason="host_down"
    )
    body = viewer.get(f"/api/v1/sessions/{session.id}/").json()
    assert body["planned"] == 5
    assert body["saved"] == 2
    assert body["skipped"] == 3
    assert body["exposure_total_s"] == 16.0
    assert body["next"] == "2026-03-28T20:00:00.123Z"
    assert body["gaps"][0]["count"] == 3
    assert viewer.get("/api/v1/sessions/", {"state": "running", "camera": "sky"}).json()["results"] == [body]
    assert viewer.get("/api/v1/sessions/", {"state": "failed"}).json()["results"] == []
