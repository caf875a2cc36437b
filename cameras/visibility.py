"""The rows that a user may see: all except those of hidden cameras, including removed ones.

Hidden cameras are excluded by a list of ids, not by a subquery, so that the database walks the index on time.
"""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet

from cameras.models import Camera
from cameras.selectors import hidden_cameras

Row = TypeVar("Row", bound=Model)


class UnknownCamera(Exception):
    """A filter names a camera that does not exist or that the user may not see."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"There is no camera {slug!r}.")


def camera_condition(user: Any, slug: str | None) -> dict[str, Any]:
    """A filter for the cameras of one slug, removed ones too, since a slug may be reused; empty for all cameras.
    UnknownCamera."""
    if slug is None:
        return {}
    if "\0" in slug:  # PostgreSQL refuses it in a query
        raise UnknownCamera(slug)
    hidden = {camera.pk for camera in hidden_cameras(user)}
    found = [pk for pk in Camera.objects.filter(slug=slug).values_list("pk", flat=True) if pk not in hidden]
    if not found:
        raise UnknownCamera(slug)
    return {"camera_id": found[0]} if len(found) == 1 else {"camera_id__in": found}


def camera_ids(user: Any, slug: str) -> list[UUID]:
    """Ids of the cameras of one slug, removed ones too. UnknownCamera."""
    condition = camera_condition(user, slug)
    return condition.get("camera_id__in") or [condition["camera_id"]]


def visible_cameras(user: Any) -> list[Camera]:
    """The cameras that the user may see, removed ones too."""
    hidden = {camera.pk for camera in hidden_cameras(user)}
    return [camera for camera in Camera.objects.all() if camera.pk not in hidden]


def visible_to(rows: QuerySet[Row], user: Any) -> QuerySet[Row]:
    """The rows of cameras that the user may see; none for a user without the viewer role."""
    if not (user.is_authenticated and user.may("viewer")):
        return rows.none()
    hidden = [camera.pk for camera in hidden_cameras(user)]
    return rows.exclude(camera_id__in=hidden) if hidden else rows
