"""Stored files as one ZIP file, which is written while it is sent: the size of the files does not matter.

Each file is compared with its SHA-256 while it is read. One that is missing or has changed is no entry; `ERRORS.txt`
says so, and no sum names it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.http import content_disposition_header

from captures.files.opened import FileMissing, OpenFile, open_below
from core.zip_stream import ZipStream

SUMS, ERRORS = "SHA256SUMS", "ERRORS.txt"
MAX_FILES = 10_000
"""A ZIP file lists its entries at its end, so their names stay in memory until then: about 2 kB for each."""
CHUNK_BYTES = 1 << 20
EXPORTED, MISSING, CHANGED, ELSEWHERE = "exported", "missing", "changed", "elsewhere"


class TooManyFiles(Exception):
    """The message says how many files a ZIP file can have."""


class _Changed(Exception):
    """The content of a file is not the one that was recorded."""


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """A file of a download. Its place in the ZIP file is `path`; its row may be deleted meanwhile."""

    path: str
    root: str
    source: str
    host: str
    at: datetime
    bytes: int
    sha256: str
    facts: dict[str, Any] = field(default_factory=dict)
    state: str = EXPORTED
    message: str = ""

    def part(self) -> dict[str, Any]:
        """Its part of the manifest. `message`: why it is not sent, before that of its own facts."""
        return {
            "path": self.path, "host": self.host, "bytes": self.bytes, "sha256": self.sha256, "state": self.state,
            **self.facts, "message": self.message or self.facts.get("message", ""),
        }  # fmt: skip


class ZipDownload:
    """The bytes of the ZIP file, read in threads. Reads no database: the list of the files is complete. A subclass
    describes them, when it is known which of them were sent."""

    def __init__(self, files: Sequence[ZipEntry]) -> None:
        self.files = list(files)
        self._zip, self.began = ZipStream(), timezone.now()

    def describe(self) -> dict[str, bytes]:
        """Name -> content of what stands beside the files, such as a manifest."""
        raise NotImplementedError

    def response(self, name: str) -> StreamingHttpResponse:
        headers = {"Content-Disposition": str(content_disposition_header(True, name)), "Cache-Control": "no-store"}
        return StreamingHttpResponse(self, content_type="application/zip", headers=headers)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        parts = iter(self.parts())
        # A slow disk must not block the event loop, which serves all clients.
        while (part := await asyncio.to_thread(next, parts, None)) is not None:
            if part:
                yield part

    def parts(self) -> Iterator[bytes]:
        """The files, then what describes them: the sums are last, and name the others."""
        for place, file in enumerate(self.files):
            if file.state == EXPORTED:
                yield from self._add(place, file)
        described = self.describe()
        if errors := self._errors():
            described[ERRORS] = errors
        described[SUMS] = self._sums(described)
        for name, text in described.items():
            yield from self._zip.add_text(name, self.began, text)
        yield self._zip.end()

    def _add(self, place: int, file: ZipEntry) -> Iterator[bytes]:
        try:
            source = open_below(file.root, file.source)
        except FileMissing as error:
            self.files[place] = replace(file, state=MISSING, message=str(error))
            return
        try:
            if source.size != file.bytes:
                raise _Changed(f"The file {file.source} has {source.size} bytes, but was stored with {file.bytes}.")
            yield from self._zip.add_file(file.path, file.at, _checked_chunks(source, file))
        except _Changed as error:
            self.files[place] = replace(file, state=CHANGED, message=str(error))
        finally:
            source.forget_cached()
            source.close()

    def _errors(self) -> bytes:
        lines = [f"{file.path}: {file.message}" for file in self.files if file.state not in {EXPORTED, ELSEWHERE}]
        return ("\n".join(lines) + "\n").encode() if lines else b""

    def _sums(self, described: dict[str, bytes]) -> bytes:
        lines = [f"{file.sha256}  {file.path}" for file in self.files if file.state == EXPORTED]
        lines += [f"{hashlib.sha256(text).hexdigest()}  {name}" for name, text in described.items()]
        return ("\n".join(lines) + "\n").encode()


def _checked_chunks(source: OpenFile, file: ZipEntry) -> Iterator[bytes]:
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
