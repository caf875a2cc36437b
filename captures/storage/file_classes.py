"""The storage classes of files. Django-free."""

from __future__ import annotations

from enum import StrEnum


class FileClass(StrEnum):
    """The storage class of a file. Only the first ones have rows; the others are counted on the disk."""

    ROLLING_CLIP = "rolling_clip"
    MANUAL_CLIP = "manual_clip"
    CAPTURE = "capture"
    ARCHIVE = "archive"
    PRODUCT = "product"
    THUMBNAIL = "thumbnail"
    LOG = "log"
    SPOOL = "spool"


COPIED = (FileClass.ROLLING_CLIP, FileClass.MANUAL_CLIP, FileClass.CAPTURE, FileClass.ARCHIVE)
"""Those whose files have rows, which off-site copies need."""
