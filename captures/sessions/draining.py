"""Ends the sessions of a host that is drained."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from cameras.models import Camera
from captures.sessions.models import Session, SessionState
from core.events.service import record_event
from core.text.sentences import sentence


def stop_session_at_its_window(camera: Camera) -> None:
    """Stop the camera's session as soon as it captures in no window: the host follows, and the capture that runs then
    still ends. A session with an end of its own keeps it."""
    now = timezone.now()
    with transaction.atomic():
        session = Session.objects.select_for_update().active().filter(camera=camera).first()
        if session is None or session.desired == Session.Desired.STOPPED or may_go_on(session, now):
            return
        session.desired, session.revision = Session.Desired.STOPPED, session.revision + 1
        session.save(update_fields=["desired", "revision"])
        message = sentence(
            "The session on {camera} stops, because its host {host} is drained.", camera=camera, host=camera.host
        )
        record_event("host.session_stopped", message, camera=camera, subject=session.pk)


def may_go_on(session: Session, now: datetime) -> bool:
    """Whether a session of a host that is drained goes on for now: inside of a window, or until its own end."""
    if session.state in {SessionState.PLANNED, SessionState.PAUSED} or session.desired == Session.Desired.PAUSED:
        return False
    programme: dict[str, Any] = session.programme
    if windows := programme.get("windows"):
        return any(_time(begin) <= now < _time(end) for begin, end in windows)
    return "until" in programme or "count" in programme


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
