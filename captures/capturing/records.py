"""A capture's fields and files from its record in the spool. Nothing is read from the database or saved."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings

from cameras.spool.spool import PartFile, Record
from captures.capturing.models import Capture, CaptureFile

OBSERVED = (
    "exposure_us", "gain", "iso", "f_number", "temperature_celsius", "simulated", "driver", "library", "firmware",
    "serial", "clock", "warnings",
)  # fmt: skip


def apply_record(capture: Capture, record: Record) -> None:
    """Copy a record's values to its capture; not saved."""
    for name, value in fields_from_record(record).items():
        setattr(capture, name, value)


def fields_from_record(record: Record) -> dict[str, Any]:
    """A capture's fields from its record, without those that the camera did not observe."""
    body = record["body"]
    return {
        "status": body["outcome"],
        "reason": body["reason"],
        "message": body["message"],
        "asked": body["asked"],
        "planned_at": datetime.fromisoformat(body["planned"]),
        "exposed": body["started"] is not None,
        "started_at": datetime.fromisoformat(body["started"] or body["planned"]),
        "ended_at": datetime.fromisoformat(body["ended"]),
        **{name: body[name] for name in OBSERVED if body.get(name) is not None},
    }


def files_from_record(capture: Capture, record: Record) -> list[CaptureFile]:
    """Rows for the files in a record of this host, not saved."""
    return [_file(capture, record["root"], place, file) for place, file in enumerate(record["files"])]


def _file(capture: Capture, root: str, place: int, file: PartFile) -> CaptureFile:
    return CaptureFile(
        capture=capture,
        kind=file["kind"],
        place=place,
        host=settings.STATION.host,
        root_id=root,
        path=file["path"],
        bytes=file["bytes"],
        sha256=file["sha256"],
        width=file["width"],
        height=file["height"],
    )
