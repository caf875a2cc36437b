"""Cameras that only some users may see."""

from __future__ import annotations

from cameras.models import Camera
from skycam_project.access.models import User


def only_for(camera: Camera, *names: str) -> Camera:
    """Restrict the camera to managers and the named users. Only the row changes; no event is written."""
    camera.restricted = True
    camera.save(update_fields=["restricted"])
    camera.audience.set(User.objects.filter(username__in=names))
    return camera
