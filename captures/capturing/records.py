"""Captures from the records of the spool, with references to files that stay with their camera."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings

from cameras.spool.records import CaptureRecord, PartFile, Record
from captures.capturing.models import Capture, CaptureFile, CaptureReference
from core import database_clock
from core.camera_names import CameraName
from core.text.sentences import pluralize

OBSERVED = (
    "exposure_us", "gain", "iso", "f_number", "temperature_celsius", "statistics", "simulated", "driver", "library",
    "firmware", "serial", "clock", "clock_offset_s", "clock_error_s", "clock_jumped_s", "warnings",
    "database_ahead_s",
)  # fmt: skip


def apply_record(capture: Capture, record: CaptureRecord) -> None:
    """Copy a record's values to its capture; not saved."""
    for name, value in fields_from_record(record).items():
        setattr(capture, name, value)


def fields_from_record(record: CaptureRecord) -> dict[str, Any]:
    """A capture's fields from its record, without those that the camera did not observe."""
    body = record["body"]
    # The clock of the machine that writes the row is that of the capture: a host ingests its own.
    observed: Mapping[str, Any] = {**body, "database_ahead_s": database_clock.last_ahead_s()}
    return {
        "status": body["outcome"],
        "reason": body["reason"],
        "message": body["message"],
        "asked": body["asked"],
        "planned_at": datetime.fromisoformat(body["planned"]),
        "exposed": body["started"] is not None,
        "started_at": datetime.fromisoformat(body["started"] or body["planned"]),
        "ended_at": datetime.fromisoformat(body["ended"]),
        # None is left out: it would overwrite what the planned row has, such as the driver.
        **{name: observed[name] for name in OBSERVED if observed.get(name) is not None},
    }


def files_from_record(capture: Capture, record: CaptureRecord) -> list[CaptureFile]:
    """Rows for the files in a record of this host, not saved."""
    return [_file(capture, record["root"], place, file) for place, file in enumerate(record["files"])]


def references_from_record(capture: Capture, record: CaptureRecord) -> list[CaptureReference]:
    """Rows for the files that stay with the camera, not saved."""
    return [
        CaptureReference(
            capture=capture, number=number, kind=one["kind"], place=one["place"], bytes=one["bytes"],
            sha256=one["sha256"] or "",
        )
        for number, one in enumerate(record["body"].get("references", []))
    ]  # fmt: skip


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


HOST_OF_PLACE = re.compile(r"([A-Za-z0-9][A-Za-z0-9.-]*):/")
"""At the begin of a place."""


def describe_references(references: Iterable[CaptureReference]) -> str:
    """`4 files on pco-nuc`; empty without references."""
    places = [one.place for one in references]
    if not places:
        return ""
    hosts = sorted({found[1] for place in places if (found := HOST_OF_PLACE.match(place))})
    return " on ".join([pluralize(len(places), "file"), *([", ".join(hosts)] if hosts else [])])


def camera_of(record: Record) -> CameraName:
    """The camera of a record, which may be removed by now."""
    return CameraName(record["camera"], record["slug"])
