"""How far a session is, and when its next capture is overdue."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from captures.sessions.models import Session
from captures.sessions.progress import is_overdue, planned_end, progress_of


def session_of(programme: dict[str, Any], **fields: Any) -> Session:
    return Session(programme={"exposure_us": 1_000_000} | programme, **fields)


@pytest.mark.parametrize(("planned", "share"), [(0, 0.0), (5, 0.5), (10, 1.0), (11, 1.0)])
def test_a_session_with_a_count_has_the_share_of_its_captures(planned: int, share: float) -> None:
    assert progress_of(session_of({"count": 10}), planned) == share


@pytest.mark.parametrize(("begun_s", "lasts_s", "share"), [(50, 100, 0.5), (200, 100, 1.0), (-50, 100, 0.0)])
def test_a_session_with_an_end_has_the_share_of_its_time(begun_s: int, lasts_s: int, share: float) -> None:
    begin = timezone.now() - timedelta(seconds=begun_s)
    session = session_of({"until": (begin + timedelta(seconds=lasts_s)).isoformat()}, started_at=begin)
    assert progress_of(session, 3) == pytest.approx(share, abs=0.05)
    assert planned_end(session) == begin + timedelta(seconds=lasts_s)


def test_a_session_that_ends_when_it_begins_is_complete() -> None:
    now = timezone.now()
    assert progress_of(session_of({"until": now.isoformat()}, started_at=now), 0) == 1.0


def test_a_session_without_an_end_has_no_progress() -> None:
    session = session_of({})
    assert progress_of(session, 3) is None
    assert planned_end(session) is None


@pytest.mark.parametrize(("due_s", "overdue"), [(-5, False), (30, False), (32, True)])
def test_a_capture_is_overdue_half_a_minute_after_its_exposure(due_s: int, overdue: bool) -> None:
    assert is_overdue(session_of({}, next_at=timezone.now() - timedelta(seconds=due_s))) is overdue


def test_a_session_without_a_next_capture_is_not_overdue() -> None:
    assert not is_overdue(session_of({}))
