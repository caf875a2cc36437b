"""The sessions that a user may see, whose camera they hold, and how far they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, UUIDField
from django.utils import timezone

from cameras.leases import LeaseHolder
from cameras.models import Camera
from cameras.programmes.kinds import cycle_of
from cameras.runtime.messages import SessionStatus
from cameras.selectors import visible_to
from cameras.status.messages import Status, blocking_gates, describe_pause
from captures.sessions.models import Session, SessionQuerySet
from core.camera_names import CameraName
from core.prepared_query import Parameter, PreparedQuery
from core.templatetags.skycam import clock_text
from core.text.names import person


def sessions_for(user: Any) -> QuerySet[Session]:
    return visible_to(Session.objects.select_related("camera").prefetch_related("gaps"), user)


def active_session(camera: Camera) -> Session | None:
    return Session.objects.active().filter(camera=camera).first()


HOLDER_COLUMNS = ("camera_id", "name", "schedule", "created_by", "handed_to", "started_at", "created_at")


def active_for_holder() -> SessionQuerySet:
    return Session.objects.active().only(*HOLDER_COLUMNS)


ACTIVE_OF_CAMERA = PreparedQuery(lambda: active_for_holder().filter(camera=Parameter("camera", UUIDField())))


def holder(camera: Camera, session: Session) -> LeaseHolder:
    """The user who started the session holds its camera, or the one to whom it was handed over; else its schedule."""
    since = session.started_at or session.created_at
    schedule, name = "" if session.handed_to else session.schedule, CameraName(str(camera.pk), camera.slug)
    return LeaseHolder(name, person(session.holder), since, str(session.pk), session.name, schedule)


def holders(cameras: Iterable[Camera]) -> dict[UUID, LeaseHolder]:
    """The holder of each camera on which a session runs, by the camera's id."""
    by_id = {camera.pk: camera for camera in cameras}
    # Each command and each capture asks for one camera.
    sessions = (
        ACTIVE_OF_CAMERA.rows(camera=next(iter(by_id)))
        if len(by_id) == 1
        else active_for_holder().filter(camera__in=by_id)
    )
    return {session.camera_id: holder(by_id[session.camera_id], session) for session in sessions}


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
