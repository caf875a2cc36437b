"""How far a session is, for cards and pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils import timezone

from cameras.programmes.cycle import cycle_of
from cameras.runtime.messages import SessionStatus
from cameras.status.closed_gates import blocking_gates, describe_pause
from cameras.status.messages import Status
from captures.sessions.models import Session
from core.templatetags.skycam import clock_text

LATE_AFTER = timedelta(seconds=30)
"""How long after the end of its exposure the next capture of a session may be due before it is overdue."""


def planned_end(session: Session) -> datetime | None:
    """The end that its programme names, of its last window if it has windows; None without one."""
    programme = session.programme
    text = programme["windows"][-1][1] if programme.get("windows") else programme.get("until")
    return datetime.fromisoformat(text) if text else None


def progress_of(session: Session, planned: int) -> float | None:
    """0 to 1, after `planned` captures; None for a session without an end."""
    if count := session.programme.get("count"):
        return min(1.0, planned / int(count))
    end = planned_end(session)
    return elapsed_share(session.started_at or session.created_at, end) if end else None


def elapsed_share(start: datetime, end: datetime) -> float:
    """The part of the time from `start` to `end` that is over, from 0 to 1."""
    whole = (end - start).total_seconds()
    return min(1.0, max(0.0, (timezone.now() - start).total_seconds() / whole)) if whole > 0 else 1.0


def is_overdue(session: Session) -> bool:
    """Whether the next capture is overdue: the data is old, or the camera is not connected."""
    if session.next_at is None:
        return False
    longest = timedelta(seconds=cycle_of(session.programme).longest_s)
    return timezone.now() - session.next_at > LATE_AFTER + longest


def reported_session(session: Session, status: Status) -> SessionStatus | None:
    """The session as the process of its camera reports it, if it does."""
    reported = status["session"]
    # The status may still have the session before this one.
    return reported if reported and reported.get("id") == str(session.pk) else None


def clock_of_page(stamped: str) -> str:
    """A time stamp by the clock of the present zone, whose name the page shows."""
    return clock_text(datetime.fromisoformat(stamped))


def waits_of(session: Session, status: Status, clock: Callable[[str], str] = clock_of_page) -> str:
    """Why a running session exposes nothing now; empty while it does. `clock` formats a time stamp."""
    reported = reported_session(session, status)
    if reported is None:
        return ""
    # A host of an older version does not say it.
    return reported.get("waits", "") or describe_pause(blocking_gates(reported, status["gates"]), clock)
