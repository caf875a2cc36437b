"""Who holds a camera by a session that runs on it."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import UUIDField

from cameras.leases.lease_holders import LeaseHolder
from cameras.models import Camera
from captures.sessions.models import Session, SessionQuerySet
from core.camera_names import CameraName
from core.prepared_query import Parameter, PreparedQuery
from core.text.names import person

COLUMNS = ("camera_id", "name", "schedule", "created_by", "handed_to", "started_at", "created_at")


def active() -> SessionQuerySet:
    return Session.objects.active().only(*COLUMNS)


OF_CAMERA = PreparedQuery(lambda: active().filter(camera=Parameter("camera", UUIDField())))


def holder(camera: Camera, session: Session) -> LeaseHolder:
    """The user who started the session holds its camera, or the one to whom it was handed over; else its schedule."""
    since = session.started_at or session.created_at
    schedule, name = "" if session.handed_to else session.schedule, CameraName(str(camera.pk), camera.slug)
    return LeaseHolder(name, person(session.holder), since, str(session.pk), session.name, schedule)


def holders(cameras: Iterable[Camera]) -> dict[UUID, LeaseHolder]:
    """The holder of each camera on which a session runs, by the camera's id."""
    by_id = {camera.pk: camera for camera in cameras}
    # Each command and each capture asks for one camera.
    sessions = OF_CAMERA.rows(camera=next(iter(by_id))) if len(by_id) == 1 else active().filter(camera__in=by_id)
    return {session.camera_id: holder(by_id[session.camera_id], session) for session in sessions}
