"""A camera's session: its desired state for the camera process, and its holder."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, cast
from uuid import UUID

from django.utils import timezone

from cameras.errors import ControlError
from cameras.leases.lease_holders import LeaseHolder, person
from cameras.models import Camera
from cameras.spool.session_files import DesiredSession
from captures.sessions.models import ACTIVE, Session
from monitoring.services import record_event


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


class SessionEnded(ControlError):
    """The session has ended or is being stopped."""

    problem = "session-ended"


def check_not_ended(session: Session, verb: str) -> None:
    """SessionEnded when the session cannot be paused or resumed any more; `verb` names the command."""
    if session.state not in ACTIVE:
        raise SessionEnded(f"The session on {session.camera.slug} is {session.state}; there is nothing to {verb}.")
    if session.desired == Session.Desired.STOPPED:
        raise SessionEnded(f"The session on {session.camera.slug} is being stopped; there is nothing to {verb}.")


def active_session(camera: Camera) -> Session | None:
    return Session.objects.active().filter(camera=camera).first()


def holder(camera: Camera, session: Session) -> LeaseHolder:
    """The user who started the session holds its camera."""
    since = session.started_at or session.created_at
    return LeaseHolder(camera.slug, person(session.created_by), since, str(session.pk), session.name)


def holders(cameras: Iterable[Camera]) -> dict[UUID, LeaseHolder]:
    """The holder of each camera on which a session runs, by the camera's id."""
    by_id = {camera.pk: camera for camera in cameras}
    active = Session.objects.active().filter(camera__in=by_id)
    sessions = active.only("camera_id", "name", "created_by", "started_at", "created_at")
    return {session.camera_id: holder(by_id[session.camera_id], session) for session in sessions}


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
    session.message = (
        f"{camera.slug} was moved from the host {host}, which did not answer, to {camera.host}. "
        f"Captures of this session in the spool of {host} are added when it returns."
    )
    session.save()
    record_event("session.stopped", session.message, camera=camera, subject=session.pk, severity="error")
