"""Addresses and names of a capture's files and thumbnails, for pages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from captures.capturing.bodies import file_body, thumbnail_url
from captures.capturing.models import Capture, CaptureFile
from captures.thumbnails.store import SIZES, picture_index

LARGEST = SIZES[-1]
SHOWN = frozenset({".jpg", ".jpeg", ".png"})
"""Suffixes of pictures that a browser can show."""


def picture(capture: Capture | None) -> str:
    """The address of the capture's first picture that a browser can show; empty without one."""
    for file in capture.files.all() if capture else ():
        if PurePosixPath(file.path).suffix.lower() in SHOWN:
            return file_body(file)["url"]
    return ""


def filename(capture: Capture) -> str:
    files = capture.files.all()
    return PurePosixPath(files[0].path).name if files else ""


def original(capture: Capture) -> str:
    """The address of the primary file; empty without one."""
    files = capture.files.all()
    return file_body(files[0])["url"] if files else ""


def thumbnail(capture: Capture, size: int) -> str:
    """The address of a thumbnail; empty when no file of the capture can be rendered."""
    found = thumbnail_url(capture)
    return f"{found}?size={size}" if found else ""


@dataclass(frozen=True, slots=True)
class Shown:
    """Addresses of a capture's thumbnails and original; width and height are those of the large thumbnail."""

    small: str
    large: str
    original: str
    width: int
    height: int


def shown(capture: Capture) -> Shown | None:
    """None when none of the capture's files can be rendered. The size is 4:3 while the file's size is unknown."""
    files = list(capture.files.all())
    place = picture_index([file.kind for file in files])
    if place is None:
        return None
    address = thumbnail_url(capture, files)
    size = _shape(files[place])
    return Shown(f"{address}?size={SIZES[0]}", f"{address}?size={LARGEST}", file_body(files[0])["url"], *size)


def _shape(file: CaptureFile) -> tuple[int, int]:
    width, height = file.width or LARGEST, file.height or LARGEST * 3 // 4
    scale = min(1.0, LARGEST / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def name(file: CaptureFile) -> str:
    return PurePosixPath(file.path).name


def address(file: CaptureFile) -> str:
    return file_body(file)["url"]
