"""A camera's session as its process takes it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from cameras.leases import Holder, person
from cameras.models import Camera
from captures.models import Session


def session_order(session: Session) -> dict[str, Any]:
    """The session as a camera process takes it (`cameras.runtime.sessions.SessionOrder`)."""
    return {
        "id": str(session.id),
        "name": session.name,
        "revision": session.revision,
        "desired": session.desired,
        "programme": session.programme,
        "created_by": session.created_by,
        "so_far": {
            "planned": session.planned,
            "saved": session.saved,
            "failed": session.failed,
            "skipped": session.skipped,
            "exposure_us": session.exposure_total_us,
            "told": session.told,
        },
    }


def active_session(camera: Camera) -> Session | None:
    return Session.objects.active().filter(camera=camera).first()


def holder(camera: Camera, session: Session) -> Holder:
    """Whoever started the session holds its camera."""
    since = session.started_at or session.created_at
    return Holder(camera.slug, person(session.created_by), since, str(session.pk), session.name)


def holders(cameras: Iterable[Camera]) -> dict[UUID, Holder]:
    """By camera, of those on which a session runs."""
    by_id = {camera.pk: camera for camera in cameras}
    asked = Session.objects.active().filter(camera__in=by_id)
    told = asked.only("camera_id", "name", "created_by", "started_at", "created_at")
    return {session.camera_id: holder(by_id[session.camera_id], session) for session in told}
