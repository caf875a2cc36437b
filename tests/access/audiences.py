"""Cameras that not everybody may see."""

from __future__ import annotations

from cameras.models import Camera
from skycam_project.access.models import User


def only_for(camera: Camera, *names: str) -> Camera:
    """Restricted to managers and the users of these names, as a row alone: without an event."""
    camera.restricted = True
    camera.save(update_fields=["restricted"])
    camera.audience.set(User.objects.filter(username__in=names))
    return camera
