"""Exports: the files of the chosen rows as one ZIP file, with their facts and their SHA-256.

It is streamed: the size of the files does not matter. A file that is missing or has changed is no entry; `ERRORS.txt`
and the manifest say so.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import version
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.http import content_disposition_header

from captures.archives.names import unused_path
from captures.archives.planning import capture_facts, clip_facts
from captures.capturing.models import Capture, CaptureFile
from captures.clips.models import Clip
from captures.files.serving import FileMissing, OpenFile, Stored, open_below
from core.text.plurals import pluralize
from core.times.timestamps import stamp
from monitoring.services import record_event
from skycam_project.admin.zip_stream import ZipStream

SCHEMA = "skycam-export/1"
MANIFEST, SUMS, ERRORS = "manifest.json", "SHA256SUMS", "ERRORS.txt"
MAX_FILES = 10_000
"""A ZIP file lists its entries at its end, so their names stay in memory until then: about 2 kB for each."""
CHUNK_BYTES = 1 << 20
EXPORTED, MISSING, CHANGED, ELSEWHERE = "exported", "missing", "changed", "elsewhere"


class TooManyFiles(Exception):
    def __init__(self) -> None:
        super().__init__(
            f"An export can have at most {MAX_FILES:,} files. Choose fewer rows, such as those of a night."
        )


class _Changed(Exception):
    """The content of a file is not the one that was recorded."""


@dataclass(frozen=True, slots=True)
class ExportFile:
    """A file of an export. Its place in the ZIP file is `path`; its row may be deleted meanwhile."""

    path: str
    root: str
    source: str
    host: str
    at: datetime
    bytes: int
    sha256: str
    facts: dict[str, Any]
    state: str = EXPORTED
    message: str = ""

    def part(self) -> dict[str, Any]:
        """Its part of the manifest."""
        return {
            "path": self.path, "host": self.host, "bytes": self.bytes, "sha256": self.sha256, "state": self.state,
            "message": self.message, **self.facts,
        }  # fmt: skip


def export_files(rows: QuerySet[Any]) -> list[ExportFile]:
    """The files of clips or captures, in the order of their names. TooManyFiles."""
    names: set[str] = set()
    found: list[ExportFile] = []
    for row in _stored(rows).iterator(chunk_size=500):
        if len(found) == MAX_FILES:
            raise TooManyFiles
        found.append(_export_file(row, names))
    return sorted(found, key=lambda file: file.path)


def _stored(rows: QuerySet[Any]) -> QuerySet[Any]:
    if rows.model is Clip:
        return rows.order_by("pk").prefetch_related(None).select_related("camera", "root")
    assert rows.model is Capture
    return CaptureFile.objects.filter(capture__in=rows.order_by().values("pk")).order_by("pk").select_related(
        "capture__camera", "root"
    )  # fmt: skip


def _export_file(row: Stored, names: set[str]) -> ExportFile:
    if isinstance(row, Clip):
        folder, at, facts = f"{row.camera.slug}/clips", row.started_at, clip_facts(row)
    else:
        folder, at, facts = f"{row.capture.camera.slug}/captures", row.capture.started_at, capture_facts(row)
    path = unused_path(folder, row.path.rpartition("/")[2], names)
    names.add(path)
    here = row.host == settings.STATION.host
    return ExportFile(
        path, row.root.path, row.path, row.host, at, row.bytes, row.sha256, facts, EXPORTED if here else ELSEWHERE,
        "" if here else f"The file is on the camera host {row.host}. Export it there.",
    )  # fmt: skip


def send_export(rows: QuerySet[Any], actor: str) -> StreamingHttpResponse:
    """The response with the ZIP file, and its event. TooManyFiles."""
    files = export_files(rows)
    here = [file for file in files if file.state == EXPORTED]
    size = sum(file.bytes for file in here)
    record_event(
        "files.exported", f"{actor} began an export of {pluralize(len(here), 'file')}.", actor=actor,
        data={"files": len(here), "bytes": size, "elsewhere": len(files) - len(here)},
    )  # fmt: skip
    name = f"skycam_{timezone.now():%Y%m%d_%H%M%S}.zip"
    headers = {"Content-Disposition": str(content_disposition_header(True, name)), "Cache-Control": "no-store"}
    return StreamingHttpResponse(ExportStream(files, actor), content_type="application/zip", headers=headers)


class ExportStream:
    """The bytes of the ZIP file, read in threads. Reads no database: the list of the files is complete."""

    def __init__(self, files: list[ExportFile], actor: str) -> None:
        self._files, self._actor = files, actor
        self._zip, self._began = ZipStream(), timezone.now()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        parts = iter(self.parts())
        # A slow disk must not block the event loop, which serves all clients.
        while (part := await asyncio.to_thread(next, parts, None)) is not None:
            if part:
                yield part

    def parts(self) -> Iterator[bytes]:
        """The files, then what describes them: the sums are last, and name the others."""
        for place, file in enumerate(self._files):
            if file.state == EXPORTED:
                yield from self._add(place, file)
        described = {MANIFEST: self._manifest()}
        if errors := self._errors():
            described[ERRORS] = errors
        described[SUMS] = self._sums(described)
        for name, text in described.items():
            yield from self._zip.add_text(name, self._began, text)
        yield self._zip.end()

    def _add(self, place: int, file: ExportFile) -> Iterator[bytes]:
        try:
            source = open_below(file.root, file.source)
        except FileMissing as error:
            self._files[place] = replace(file, state=MISSING, message=str(error))
            return
        try:
            if source.size != file.bytes:
                raise _Changed(f"The file {file.source} has {source.size} bytes, but was stored with {file.bytes}.")
            yield from self._zip.add_file(file.path, file.at, checked_chunks(source, file))
        except _Changed as error:
            self._files[place] = replace(file, state=CHANGED, message=str(error))
        finally:
            source.forget_cached()
            source.close()

    def _manifest(self) -> bytes:
        content = {
            "schema": SCHEMA,
            "written": stamp(self._began),
            "written_by": self._actor,
            "software": {"name": "Skycam", "version": version("skycam")},
            "station": {"id": settings.STATION.station.id, "name": settings.STATION.station.name},
            "files": [file.part() for file in self._files],
        }
        return (json.dumps(content, indent=1, ensure_ascii=True) + "\n").encode()

    def _errors(self) -> bytes:
        lines = [f"{file.path}: {file.message}" for file in self._files if file.state in {MISSING, CHANGED}]
        return ("\n".join(lines) + "\n").encode() if lines else b""

    def _sums(self, described: dict[str, bytes]) -> bytes:
        lines = [f"{file.sha256}  {file.path}" for file in self._files if file.state == EXPORTED]
        lines += [f"{hashlib.sha256(text).hexdigest()}  {name}" for name, text in described.items()]
        return ("\n".join(lines) + "\n").encode()


def checked_chunks(source: OpenFile, file: ExportFile) -> Iterator[bytes]:
    """The content. _Changed when it cannot be read to its end, or is another one than was recorded."""
    digest, offset = hashlib.sha256(), 0
    while offset < file.bytes:
        try:
            chunk = source.read(min(CHUNK_BYTES, file.bytes - offset), offset)
        except OSError as error:
            raise _Changed(f"The file {file.source} cannot be read: {error.strerror}.") from error
        if not chunk:
            raise _Changed(f"The file {file.source} became shorter while it was read.")
        digest.update(chunk)
        offset += len(chunk)
        yield chunk
    if digest.hexdigest() != file.sha256:
        raise _Changed(f"The content of {file.source} has changed: its SHA-256 is {digest.hexdigest()[:12]}….")
