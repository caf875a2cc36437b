"""Which cameras a user may see. To other users a camera does not exist."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import BigIntegerField, CharField

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
