"""The storage root of the service's pictures, if IMAGE_SAVE_PATH names one."""

from __future__ import annotations

import functools
from uuid import UUID

from django.conf import settings

from cameras.models import Camera
from captures.storage.models import StorageRoot
from captures.storage.roots import RootBody, root_body


def ensure_service_root() -> StorageRoot | None:
    """The root of IMAGE_SAVE_PATH on this host, created if missing; None when it is not configured."""
    if settings.STATION.service.image_save_path is None:
        return None
    from captures.storage.setup import create_root

    folder = settings.STATION.service.image_save_path.resolve()
    host = settings.STATION.host
    return StorageRoot.objects.filter(host=host, path=str(folder)).first() or create_root(folder, host, ["captures"])


def own_root(camera: Camera) -> RootBody | None:
    """The root of IMAGE_SAVE_PATH, for the camera of the PixeLink service; None for other cameras. The camera is the
    one found first in this process: a running camera's root must not change."""
    folder = settings.STATION.service.image_save_path
    if folder is None or camera.pk != first_served_camera():
        return None
    root = StorageRoot.objects.filter(host=camera.host, path=str(folder.resolve())).first()
    return root_body(root) if root else None


@functools.cache
def first_served_camera() -> UUID | None:
    """The camera that the service found first in this process."""
    # Not at the top: it takes 50 ms to import, and most stations have no such folder.
    from captures.pixelink_service.served_camera import find_camera

    camera = find_camera()
    return camera.pk if camera else None
