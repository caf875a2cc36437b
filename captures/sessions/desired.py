"""The desired state of a camera's session: for its process, when it cannot be carried out, and when its host is
drained."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from cameras.models import Camera
from cameras.spool.session_files import DesiredSession
from captures.sessions.models import Session, SessionState
from core.events.service import record_event
from core.text.sentences import beside_camera, sentence


def describe_desired_session(session: Session) -> DesiredSession:
    """The session for the camera process."""
    return {
        "id": str(session.id),
        "name": session.name,
        "revision": session.revision,
        "desired": cast(Literal["running", "paused", "stopped"], session.desired),
        "programme": session.programme,
        "created_by": session.created_by,
        "so_far": {
            "planned": session.planned,
            "saved": session.saved,
            "failed": session.failed,
            "skipped": session.skipped,
            "exposure_us": session.exposure_total_us,
            "reported": session.reported,
        },
    }


def desired_sessions(cameras: Collection[Camera]) -> dict[UUID, DesiredSession]:
    """Camera -> the session that it should run or stop, as JSON; of all in one query. A removed camera stops its
    session."""
    removed = {camera.pk for camera in cameras if camera.removed_at is not None}
    found = {}
    for session in Session.objects.active().filter(camera__in=cameras):
        if session.camera_id in removed and session.desired != Session.Desired.STOPPED:
            session.desired, session.revision = Session.Desired.STOPPED, session.revision + 1
            session.save(update_fields=["desired", "revision"])
        found[session.camera_id] = describe_desired_session(session)
    return found


def mark_session_refused(session: UUID | str, reason: str, message: str) -> None:
    """Store why the camera refused to begin a session, and set it to stopped, so that no later command begins it
    unnoticed. It becomes failed, with this reason, when the camera process reports that it is stopped."""
    # The states are conditions of the UPDATE: a session that has begun or was paused meanwhile is left alone.
    planned = Session.objects.filter(pk=session, state=Session.State.PLANNED, desired=Session.Desired.RUNNING)
    planned.update(desired=Session.Desired.STOPPED, revision=F("revision") + 1, reason=reason, message=message[:1000])


def fail_session_of_lost_host(camera: Camera, host: str) -> None:
    """Fail the session of a camera that was moved from `host`, which does not answer; in the caller's transaction.
    Captures in that host's spool are counted when they are ingested."""
    session = Session.objects.select_for_update().active().filter(camera=camera).first()
    if session is None:
        return
    session.state, session.desired, session.revision = (
        Session.State.FAILED,
        Session.Desired.STOPPED,
        session.revision + 1,
    )
    session.reason, session.ended_at, session.next_at = "host_down", timezone.now(), None
    message = sentence(
        "{camera} was moved from the host {host}, which did not answer, to {new}. Captures of this session in the "
        "spool of {host} are added when it returns.",
        camera=camera, host=host, new=camera.host,
    )  # fmt: skip
    session.message = beside_camera(message, camera)
    session.save()
    record_event("session.stopped", message, camera=camera, subject=session.pk, severity="error")


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
