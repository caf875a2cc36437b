"""Which cameras a user may see, and which rows of cameras. To other users a camera does not exist."""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import BigIntegerField, CharField, Model, QuerySet

from cameras.models import Camera, CameraQuerySet
from core.prepared_query import Parameter, PreparedQuery

SLUG, USER = Parameter("slug", CharField()), Parameter("user", BigIntegerField())
PRESENT = PreparedQuery(lambda: Camera.objects.present().filter(slug=SLUG))
OPEN = PreparedQuery(lambda: Camera.objects.present().open_to(USER).filter(slug=SLUG))


class NoPrimaryCamera(Exception):
    def __init__(self) -> None:
        super().__init__("No camera is the primary one. Make one primary: `skycam cameras set NAME --primary`.")


def cameras_for(user: Any) -> CameraQuerySet:
    return Camera.objects.visible_to(user)


def camera_for(user: Any, slug: str) -> Camera:
    """Camera.DoesNotExist also when the user may not see it."""
    # As `visible_to`, with SQL that is built once: each request of one camera begins here.
    if not user.is_authenticated or not user.may("viewer"):
        raise Camera.DoesNotExist
    found = PRESENT.first(slug=slug) if user.may("manager") else OPEN.first(slug=slug, user=user.pk)
    if found is None:
        raise Camera.DoesNotExist
    return found


def check_sees(user: Any, camera: Camera) -> None:
    """ValidationError for a camera that the user may not see, as for one that does not exist. None is the station
    itself."""
    if user is not None and not cameras_for(user).filter(pk=camera.pk).exists():
        raise ValidationError({"camera": f"There is no camera {camera.slug!r}."})


def primary_camera_for(user: Any) -> Camera:
    """NoPrimaryCamera when the user may see none."""
    camera = cameras_for(user).filter(primary=True).first()
    if camera is None:
        raise NoPrimaryCamera
    return camera


def hidden_cameras(user: Any) -> list[Camera]:
    """Restricted cameras that do not list `user`, including removed ones. For users with a role."""
    if user.may("manager"):
        return []
    # Almost every list calls this: it reads no JSON columns, which may have many kB in each row.
    return list(Camera.objects.exclude(pk__in=Camera.objects.open_to(user).values("pk")).only("id", "slug"))


def hidden_ids(user: Any) -> set[UUID]:
    """The ids of `hidden_cameras`, for conditions and comparisons."""
    return {camera.pk for camera in hidden_cameras(user)}


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
    hidden = hidden_ids(user)
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
    hidden = hidden_ids(user)
    return [camera for camera in Camera.objects.all() if camera.pk not in hidden]


def visible_to(rows: QuerySet[Row], user: Any) -> QuerySet[Row]:
    """The rows of cameras that the user may see; none for a user without the viewer role."""
    if not (user.is_authenticated and user.may("viewer")):
        return rows.none()
    hidden = hidden_ids(user)
    return rows.exclude(camera_id__in=hidden) if hidden else rows
