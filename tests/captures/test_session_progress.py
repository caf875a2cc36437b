"""How far a session is, and when its next capture is overdue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from captures.sessions.models import Session
from captures.sessions.selectors import is_overdue, planned_end, progress_of

NOW = datetime(2027, 1, 15, 20, tzinfo=UTC)


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)


def session_of(programme: dict[str, Any], **fields: Any) -> Session:
    return Session(programme={"exposure_us": 1_000_000} | programme, **fields)


@pytest.mark.parametrize(("planned", "share"), [(0, 0.0), (5, 0.5), (10, 1.0), (11, 1.0)])
def test_a_session_with_a_count_has_the_share_of_its_captures(planned: int, share: float) -> None:
    assert progress_of(session_of({"count": 10}), planned) == share


@pytest.mark.parametrize(("begun_s", "lasts_s", "share"), [(50, 100, 0.5), (200, 100, 1.0), (-50, 100, 0.0)])
def test_a_session_with_an_end_has_the_share_of_its_time(begun_s: int, lasts_s: int, share: float) -> None:
    begin = NOW - timedelta(seconds=begun_s)
    session = session_of({"until": (begin + timedelta(seconds=lasts_s)).isoformat()}, started_at=begin)
    assert progress_of(session, 3) == pytest.approx(share)
    assert planned_end(session) == begin + timedelta(seconds=lasts_s)


def test_a_session_that_ends_when_it_begins_is_complete() -> None:
    assert progress_of(session_of({"until": NOW.isoformat()}, started_at=NOW), 0) == 1.0


def test_a_session_without_an_end_has_no_progress() -> None:
    session = session_of({})
    assert progress_of(session, 3) is None
    assert planned_end(session) is None


@pytest.mark.parametrize(("due_s", "overdue"), [(-5, False), (31, False), (31.1, True)])
def test_a_capture_is_overdue_half_a_minute_after_its_exposure(due_s: float, overdue: bool) -> None:
    assert is_overdue(session_of({}, next_at=NOW - timedelta(seconds=due_s))) is overdue


def test_a_session_without_a_next_capture_is_not_overdue() -> None:
    assert not is_overdue(session_of({}))
