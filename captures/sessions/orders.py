"""A camera's session as its process takes it."""

from __future__ import annotations

from typing import Any

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
