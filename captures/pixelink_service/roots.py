"""The storage root of the service's pictures, if IMAGE_SAVE_PATH names one."""

from __future__ import annotations

import time
from pathlib import Path
from uuid import UUID

from django.conf import settings

from cameras.models import Camera
from cameras.spool.spool import spool_folder
from captures.roots.models import StorageRoot
from captures.roots.roots import RootBody, root_body
from captures.sessions.models import Session

READ_EVERY_S = 0.5


def ensure_service_root() -> StorageRoot | None:
    """The root of IMAGE_SAVE_PATH on this host, created if missing; None when it is not configured."""
    if settings.STATION.service.image_save_path is None:
        return None
    from captures.roots.roots import create_root

    folder = settings.STATION.service.image_save_path.resolve()
    host = settings.STATION.host
    return StorageRoot.objects.filter(host=host, path=str(folder)).first() or create_root(folder, host, ["captures"])


def own_root(camera: Camera) -> RootBody | None:
    """The root of IMAGE_SAVE_PATH, for the camera of the PixeLink service; None for other cameras."""
    return _folder.root_of(camera)


class ServiceFolder:
    """Which cameras of this process store their pictures in IMAGE_SAVE_PATH: that which the service serves, from the
    moment on from which it does. It stays there until the process ends, because the root of a running camera should not
    change. A camera that gets it while it runs is started again, and not in a session, whose files are in its old
    root."""

    def __init__(self) -> None:
        self._cameras: set[UUID] = set()
        self._served: UUID | None = None
        self._read_at = -READ_EVERY_S

    def root_of(self, camera: Camera) -> RootBody | None:
        folder = settings.STATION.service.image_save_path
        if folder is None or not (camera.pk in self._cameras or camera.pk == self._served_camera()):
            return None
        root = StorageRoot.objects.filter(host=camera.host, path=str(folder.resolve())).first()
        if root is None or not (camera.pk in self._cameras or _may_begin_there(camera, root)):
            return None
        self._cameras.add(camera.pk)
        return root_body(root)

    def _served_camera(self) -> UUID | None:
        """Asked for each camera of the host, each second."""
        if time.monotonic() - self._read_at >= READ_EVERY_S:
            # Not at the top: it takes 50 ms to import, and most stations have no such folder.
            from captures.pixelink_service.served_camera import find_camera

            camera = find_camera()
            self._served, self._read_at = camera.pk if camera else None, time.monotonic()
        return self._served


def _may_begin_there(camera: Camera, root: StorageRoot) -> bool:
    """It has stored there before this process began, or nothing of it runs elsewhere."""
    has_spool = Path(root.path, spool_folder(str(camera.pk))).is_dir()
    return has_spool or not Session.objects.active().filter(camera=camera).exists()


_folder = ServiceFolder()
