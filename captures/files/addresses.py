"""The pictures of a capture: the addresses at which pages show them, and the thumbnail of a camera's newest capture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from uuid import UUID

from django.conf import settings

from cameras.models import Camera
from captures.capturing.models import Capture, CaptureFile
from captures.thumbnails.store import SIZES, ThumbnailStore, picture_index

LARGEST = SIZES[-1]
SHOWN = frozenset({".jpg", ".jpeg"})
"""Suffixes of files that pages show. A browser also shows a PNG, but one of 16 bits is large and often dark, and its
preview is stretched."""


def picture(capture: Capture | None) -> str:
    """The address of what pages show of the capture: its JPEG, else its largest thumbnail; empty without one."""
    if capture is None:
        return ""
    for file in capture.files.all():
        if PurePosixPath(file.path).suffix.lower() in SHOWN:
            return file.url
    return thumbnail(capture, LARGEST)


def filename(capture: Capture) -> str:
    files = capture.files.all()
    return PurePosixPath(files[0].path).name if files else ""


def original(capture: Capture) -> str:
    """The address of the primary file; empty without one."""
    files = capture.files.all()
    return files[0].url if files else ""


def thumbnail(capture: Capture, size: int) -> str:
    """The address of a thumbnail; empty when no file of the capture can be rendered."""
    found = capture.thumbnail_url
    return f"{found}?size={size}" if found else ""


@dataclass(frozen=True, slots=True)
class Shown:
    """Addresses of a capture's thumbnails, its primary file, and the picture that a click opens (`picture`); width and
    height are those of the large thumbnail. `source` is the kind of file that the thumbnails show."""

    small: str
    large: str
    original: str
    opened: str
    width: int
    height: int
    source: str


def shown(capture: Capture) -> Shown | None:
    """None when none of the capture's files can be rendered. The size is 4:3 while the file's size is unknown."""
    files = list(capture.files.all())
    place = picture_index([file.kind for file in files])
    if place is None:
        return None
    address = capture.thumbnail_of(files)
    size = _shape(files[place])
    source = files[place].kind
    small, large = f"{address}?size={SIZES[0]}", f"{address}?size={LARGEST}"
    return Shown(small, large, files[0].url, picture(capture), *size, source)


def _shape(file: CaptureFile) -> tuple[int, int]:
    width, height = file.width or LARGEST, file.height or LARGEST * 3 // 4
    scale = min(1.0, LARGEST / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def name(file: CaptureFile) -> str:
    return PurePosixPath(file.path).name


def address(file: CaptureFile) -> str:
    return file.url


NOTIFICATION_SIZE = SIZES[1]
NEWEST_SEARCHED = 5
"""The newest captures that are tried: the thumbnail of the last one may not be rendered yet."""


def newest_thumbnail(camera: str) -> bytes | None:
    """The JPEG for the id of a camera; None without one on this host. An empty id is the primary camera, unless it is
    restricted. Nothing is rendered here. OSError of the disk."""
    saved = Capture.objects.present().filter(status="saved").order_by("-started_at", "-id")
    shown = Camera.objects.present().filter(primary=True, restricted=False)
    newest = saved.filter(camera=UUID(camera)) if camera else saved.filter(camera__in=shown)
    for capture in newest.prefetch_related("files__root")[:NEWEST_SEARCHED]:
        files = list(capture.files.all())
        place = picture_index([file.kind for file in files])
        if place is None or files[place].host != settings.STATION.host:
            continue
        with ThumbnailStore(files[place].root.path) as store:
            if found := store.read_thumbnail(files[place].sha256, NOTIFICATION_SIZE):
                return found
    return None
