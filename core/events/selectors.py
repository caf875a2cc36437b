"""Which events and alerts a user may see: none of hidden cameras; only managers see those that name people."""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import UUID

from django.db.models import QuerySet

from core.camera_names import CameraRef
from core.camera_refs import AboutCameras, without_cameras
from core.events.models import Alert, Event
from core.events.tables import HIDDEN_CAMERAS
from core.registry import resolve

Row = TypeVar("Row", bound=AboutCameras)
MANAGER_ONLY_KINDS = (
    "user.", "webhook.", "notification.", "camera.audience", "rule.", "maintenance.", "files.action",
    "host.invit", "host.joined",
)  # fmt: skip
"""Prefixes of event kinds that reveal other users, where events are sent, or patterns and filters that may name hidden
cameras, or the addresses of machines, for managers only."""


def is_manager_only(kind: str) -> bool:
    return kind.startswith(MANAGER_ONLY_KINDS)


def hidden_cameras(user: Any) -> list[CameraRef]:
    """Cameras that `user` may not see, including removed ones."""
    return [camera for path in HIDDEN_CAMERAS.values() for camera in resolve(path)(user)]


def events_for(user: Any) -> QuerySet[Event]:
    if not user.is_authenticated or not user.may("viewer"):
        return Event.objects.none()
    events = visible_to(Event.objects.all(), user)
    if user.may("manager"):
        return events
    for beginning in MANAGER_ONLY_KINDS:
        events = events.exclude(kind__startswith=beginning)
    return events


def alerts_for(user: Any) -> QuerySet[Alert]:
    if not user.is_authenticated or not user.may("viewer"):
        return Alert.objects.none()
    return visible_to(Alert.objects.all(), user)


def alert_for(user: Any, alert: UUID) -> Alert:
    """Alert.DoesNotExist, also for that of a hidden camera."""
    return alerts_for(user).get(pk=alert)


def visible_to(rows: QuerySet[Row], user: Any) -> QuerySet[Row]:
    """Without the rows of hidden cameras. Old rows without the camera's id are filtered by slug."""
    hidden = hidden_cameras(user)
    if not hidden:
        return rows
    rows = without_cameras(rows, hidden)
    return rows.exclude(camera_uuid="", camera__in={camera.slug for camera in hidden})


def unresolved_keys(beginning: str) -> set[str]:
    unresolved = Alert.objects.exclude(state=Alert.State.RESOLVED)
    return set(unresolved.filter(key__startswith=beginning).values_list("key", flat=True))
