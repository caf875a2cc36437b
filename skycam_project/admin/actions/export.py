"""Exports: the files of the chosen rows as one ZIP file, with their facts and their SHA-256."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone

from captures.capturing.models import Capture, CaptureFile
from captures.files.downloads import MAX_FILES, ZipDownload, ZipEntry
from captures.files.serving import Stored
from captures.recordings.clips.models import Clip
from captures.storage.archives.planning import capture_facts, clip_facts, unused_path
from core.events.service import record_event
from core.text.amounts import pluralize
from core.times.timestamps import stamp

SCHEMA = "skycam-export/1"
MANIFEST = "manifest.json"


def too_many_files(rows: QuerySet[Any]) -> str:
    """The refusal of clips or captures with more files than one export can have; empty if it can have them."""
    if _stored(rows).order_by()[: MAX_FILES + 1].count() <= MAX_FILES:
        return ""
    return f"An export can have at most {MAX_FILES:,} files. Choose fewer rows, such as those of a night."


def export_files(rows: QuerySet[Any]) -> list[ZipEntry]:
    """The files of clips or captures, in the order of their names."""
    names: set[str] = set()
    found = [_entry(row, names) for row in _stored(rows).iterator(chunk_size=500)]
    return sorted(found, key=lambda file: file.name)


def _stored(rows: QuerySet[Any]) -> QuerySet[Any]:
    if rows.model is Clip:
        return rows.order_by("pk").prefetch_related(None).select_related("camera", "root")
    assert rows.model is Capture
    return CaptureFile.objects.filter(capture__in=rows.order_by().values("pk")).order_by("pk").select_related(
        "capture__camera", "root"
    )  # fmt: skip


def _entry(row: Stored, names: set[str]) -> ZipEntry:
    if isinstance(row, Clip):
        folder, at, facts = f"{row.camera.slug}/clips", row.started_at, clip_facts(row)
    else:
        folder, at, facts = f"{row.capture.camera.slug}/captures", row.capture.started_at, capture_facts(row)
    path = unused_path(folder, row.path.rpartition("/")[2], names)
    names.add(path.lower())
    table = "clips" if isinstance(row, Clip) else "captures"
    return ZipEntry(
        path, table, str(row.pk), row.host, row.root_id, row.root.path, row.path, at, row.bytes, row.sha256, facts,
        is_offsite=row.is_offsite,
    )  # fmt: skip


def send_export(rows: QuerySet[Any], actor: str) -> StreamingHttpResponse:
    """The response with the ZIP file, and its event."""
    files = export_files(rows)
    size = sum(file.bytes for file in files)
    record_event(
        "files.exported", f"{actor} began an export of {pluralize(len(files), 'file')}.", camera=None, actor=actor,
        data={"files": len(files), "bytes": size},
    )  # fmt: skip
    return ExportStream(files, actor).response(f"skycam_{timezone.now():%Y%m%d_%H%M%S}.zip")


class ExportStream(ZipDownload):
    """An export, with its manifest."""

    def __init__(self, files: list[ZipEntry], actor: str) -> None:
        super().__init__(files)
        self._actor = actor

    def describe(self) -> dict[str, bytes]:
        content = {
            "schema": SCHEMA,
            "written": stamp(self.began),
            "written_by": self._actor,
            "software": {"name": "Skycam", "version": version("skycam")},
            "station": {"id": settings.STATION.station.id, "name": settings.STATION.station.name},
            "files": [file.part() for file in self.files],
        }
        return {MANIFEST: (json.dumps(content, indent=1, ensure_ascii=True) + "\n").encode()}
