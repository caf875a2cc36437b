"""The thumbnail of a camera's newest capture, for notifications."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings

from cameras.models import Camera
from captures.capturing.models import Capture
from captures.thumbnails.store import SIZES, ThumbnailStore, picture_index

SIZE = SIZES[1]
SEARCHED = 5
"""The newest captures that are tried: the thumbnail of the last one may not be rendered yet."""


def newest_thumbnail(camera: str) -> bytes | None:
    """The JPEG for the id of a camera; None without one on this host. An empty id is the primary camera, unless it is
    restricted. Nothing is rendered here. OSError of the disk."""
    saved = Capture.objects.present().filter(status="saved").order_by("-started_at", "-id")
    shown = Camera.objects.present().filter(primary=True, restricted=False)
    newest = saved.filter(camera=UUID(camera)) if camera else saved.filter(camera__in=shown)
    for capture in newest.prefetch_related("files__root")[:SEARCHED]:
        files = list(capture.files.all())
        place = picture_index([file.kind for file in files])
        if place is None or files[place].host != settings.STATION.host:
            continue
        with ThumbnailStore(files[place].root.path) as store:
            if found := store.read_thumbnail(files[place].sha256, SIZE):
                return found
    return None
