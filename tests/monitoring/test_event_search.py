"""Filters, search and export of events, in the API and on the page."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cameras.models import Camera
from core.events.models import Event
from core.events.service import record_event
from monitoring import event_search
from tests.harness.clients.pages import text_of
from tests.harness.rows.audiences import only_for

EVENTS = "/api/v1/events/"


def messages(answer: Any) -> list[str]:
    return [event["message"] for event in answer.json()["results"]]


@pytest.fixture
def recorded(camera: Camera) -> None:
    record_event(
        "session.gap", "Five pictures are missing.", camera=camera, subject="0199", actor="ada", severity="warning"
    )
    record_event("session.finished", "The session is finished.", camera=camera)
    record_event("camera.state", "The session waits: 100% cloud_cover.", camera=None)
    Event.objects.bulk_create([Event(kind="part.restarted", message="web was started again.", host="barn")])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"q": "SESSION finished"}, ["The session is finished."]),
        ({"q": "ada"}, ["Five pictures are missing."]),
        ({"q": "0199 gap"}, ["Five pictures are missing."]),
        ({"q": "100%"}, ["The session waits: 100% cloud_cover."]),
        ({"q": "cloud_cover"}, ["The session waits: 100% cloud_cover."]),
        ({"q": "cloudycover"}, []),
        ({"q": "'; DROP TABLE"}, []),
        ({"q": "session", "kind": "session"}, ["The session is finished.", "Five pictures are missing."]),
        ({"kind": "session"}, ["The session is finished.", "Five pictures are missing."]),
        ({"host": "barn"}, ["web was started again."]),
        ({"host": "barn", "q": "again"}, ["web was started again."]),
        ({"q": "session", "severity": "warning"}, ["Five pictures are missing."]),
    ],
)
def test_events_are_found(query: dict[str, str], expected: list[str], viewer: Any, recorded: None) -> None:
    assert messages(viewer.get(EVENTS, query)) == expected


@pytest.mark.parametrize("sorted_at_most", [0, 100])
def test_a_family_is_found_however_many_events_it_has(
    sorted_at_most: int, viewer: Any, recorded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_search, "MAX_SORTED", sorted_at_most)
    record_event("command", "ben started a session.", camera=None)
    record_event("command.done", "It was done.", camera=None)
    record_event("commanded.else", "It is not a command.", camera=None)
    assert messages(viewer.get(EVENTS, {"kind": "command"})) == ["It was done.", "ben started a session."]


@pytest.mark.parametrize("q", ["a b c d e f g h i", "x" * 101, "a\0"])
def test_a_search_that_is_too_long_is_refused(q: str, viewer: Any) -> None:
    assert viewer.get(EVENTS, {"q": q}).status_code == 400


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    """Twelve events, three of which may be read at once; two pairs at the same moment."""
    monkeypatch.setattr(event_search, "MAX_READ", 3)
    start = timezone.now()
    [
        record_event("job.failed", f"Job {number}.", at=start + timedelta(seconds=number // 2), camera=None)
        for number in range(12)
    ]


def test_a_search_reads_a_limited_number_of_events_and_goes_on(viewer: Any, many: None) -> None:
    first = viewer.get(EVENTS, {"q": "8."}).json()
    second = viewer.get(first["next"]).json()
    third = viewer.get(second["next"]).json()
    assert [event["message"] for event in first["results"]] == []
    assert [event["message"] for event in second["results"]] == ["Job 8."]
    assert [event["message"] for event in third["results"]] == []
    assert viewer.get(third["previous"] or second["previous"]).status_code == 200


def pages(viewer: Any, address: str | None) -> list[str]:
    """The messages of all pages."""
    found = []
    while address:
        body = viewer.get(address).json()
        found += [event["message"] for event in body["results"]]
        address = body["next"]
    return found


def test_the_pages_of_a_search_have_each_event_once(viewer: Any, many: None) -> None:
    assert pages(viewer, f"{EVENTS}?q=job&limit=2") == [f"Job {number}." for number in reversed(range(12))]


def test_the_page_says_how_far_it_has_searched(viewer: Any, many: None) -> None:
    answer = viewer.get("/events/?q=Job+2.")
    assert "Older ones were not searched yet." in text_of(answer)
    assert "Search older" in text_of(answer)


def test_the_page_of_a_search_shows_what_matches(viewer: Any, recorded: None) -> None:
    text = text_of(viewer.get("/events/?q=missing&kind=session&severity=warning&from=2026-01-01&to=2999-01-01"))
    assert "Five pictures are missing." in text
    assert "The session is finished." not in text
    assert "/api/v1/events/csv/?q=missing&amp;severity=warning&amp;kind=session&amp;from=2026-01-0" in text


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("from=yesterday", "is not a date and time"),
        ("from=2026-02-01&to=2026-01-01", "<code>from</code> must be before <code>to</code>."),
        ("q=a+b+c+d+e+f+g+h+i", "Search for at most 8 words."),
        (
            "severity=bad",
            "severity must be &#x27;info&#x27;, &#x27;warning&#x27;, ",
        ),
    ],
)
def test_a_filter_that_means_nothing_finds_nothing(query: str, sentence: str, viewer: Any, recorded: None) -> None:
    text = text_of(viewer.get(f"/events/?{query}"))
    assert sentence in text
    assert "The session is finished." not in text


def exported(viewer: Any, suffix: str, **query: str) -> str:
    answer = viewer.get(f"{EVENTS}{suffix}/", query)
    assert answer.status_code == 200
    assert answer["Content-Disposition"] == f'attachment; filename="events.{suffix}"'
    return b"".join(answer.streaming_content).decode()


def test_all_matching_events_are_exported_as_json_lines(
    viewer: Any, recorded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_search, "EXPORTED_AT_ONCE", 1)
    found = [json.loads(line) for line in exported(viewer, "jsonl", q="session").splitlines()]
    listed = viewer.get(EVENTS, {"q": "session"}).json()["results"]
    assert found == listed
    assert len(found) == 3


def test_an_export_as_csv_is_no_formula(viewer: Any, camera: Camera) -> None:
    record_event("note", '=HYPERLINK("http://evil", "x"),\r\n"quoted"', camera=camera, data={"a": "ü"})
    [row] = csv.DictReader(io.StringIO(exported(viewer, "csv"), newline=""))
    assert row["message"] == '\'=HYPERLINK("http://evil", "x"),\r\n"quoted"'
    assert json.loads(row["data"]) == {"a": "ü"}
    assert row["camera"] == "sky"


def test_an_export_has_only_what_the_user_may_see(viewer: Any, manager: Any, camera: Camera) -> None:
    record_event("camera.state", "Hidden.", camera=camera)
    record_event("user.denied", "A sign-in was refused.", camera=None)
    only_for(camera)
    assert exported(viewer, "jsonl") == ""
    assert len(exported(manager, "csv").splitlines()) == 3


@pytest.mark.parametrize("query", ["nonsense=1", "severity=bad", "limit=5"])
def test_an_export_takes_the_filters_of_the_list(query: str, viewer: Any) -> None:
    assert viewer.get(f"{EVENTS}csv/?{query}").status_code == 400
