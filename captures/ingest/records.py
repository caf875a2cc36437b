"""What all kinds of record have in common."""

from __future__ import annotations

from cameras.spool.records import Record
from core.camera_names import CameraName


def camera_of(record: Record) -> CameraName:
    """The camera of a record, which may be removed by now."""
    return CameraName(record["camera"], record["slug"])
