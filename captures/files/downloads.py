"""The content of stored files from the beginning to the end, wherever they are: on this host, on another, or
off-site. Many become one ZIP file, which is written while it is sent: their size does not matter. Each file is
compared with its SHA-256 while it is read. One that is missing or has changed is no entry; `ERRORS.txt` says so, and
no sum names it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import http.client
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.http import content_disposition_header

from captures.files.host_files.addresses import FileAddress
from captures.files.host_files.client import HostAnswer, HostAway, ask
from captures.files.opened import FileChanged, FileMissing, FileRow, KeptOffsite, OpenFile, open_below
from core.registry import resolve
from core.zip_stream import ZipStream

CHUNK_BYTES = 1 << 20
READ_COPY = "captures.storage.offsite.serving.read_copy"


class ReadableRow(FileRow, Protocol):
    @property
    def root_path(self) -> str: ...


class NotReadable(Exception):
    """The file cannot be read anywhere; the message says why. `changed`: it is there, and is not the one that was
    stored."""

    def __init__(self, message: str, *, changed: bool = False) -> None:
        super().__init__(message)
        self.changed = changed


@contextlib.contextmanager
def open_content(row: ReadableRow) -> Iterator[Iterator[bytes]]:
    """Chunks with exactly the bytes of the row; their SHA-256 is the caller's to compare. NotReadable, also while they
    are read; DatabaseError."""
    with contextlib.ExitStack() as resources:
        yield _whole(row, _chunks(row, resources))


def _chunks(row: ReadableRow, resources: contextlib.ExitStack) -> Iterator[bytes]:
    try:
        if row.is_offsite:
            raise KeptOffsite(row.path)
        if row.host == settings.STATION.host:
            return _read_here(_open_here(row, resources), row.bytes)
        found = ask(FileAddress.of(row))
        resources.callback(found.close)
        return _read_there(found)
    except (FileMissing, HostAway, KeptOffsite) as error:
        copy: Iterator[bytes] | None = resolve(READ_COPY)(row, resources)
        if copy is None:
            raise NotReadable(str(error), changed=isinstance(error, FileChanged)) from error
        return copy


def _open_here(row: ReadableRow, resources: contextlib.ExitStack) -> OpenFile:
    file = open_below(row.root_path, row.path)
    resources.callback(file.close)
    # What was read to its end once need not stay in the page cache.
    resources.callback(file.forget_cached)
    if file.size != row.bytes:
        raise FileChanged(row.path, file.size, row.bytes)
    return file


def _read_here(file: OpenFile, size: int) -> Iterator[bytes]:
    offset = 0
    while offset < size and (chunk := file.read(min(CHUNK_BYTES, size - offset), offset)):
        yield chunk
        offset += len(chunk)


def _read_there(found: HostAnswer) -> Iterator[bytes]:
    while chunk := found.response.read(CHUNK_BYTES):
        yield chunk


def _whole(row: ReadableRow, chunks: Iterator[bytes]) -> Iterator[bytes]:
    left = row.bytes
    try:
        for chunk in chunks:
            left -= len(chunk)
            yield chunk
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise NotReadable(f"The file {row.path} cannot be read: {why}.", changed=True) from error
    if left:
        raise NotReadable(f"The file {row.path} became shorter while it was read.", changed=True)


SUMS, ERRORS = "SHA256SUMS", "ERRORS.txt"
MAX_FILES = 10_000
"""A ZIP file lists its entries at its end, so their names stay in memory until then: about 2 kB for each."""
EXPORTED, MISSING, CHANGED = "exported", "missing", "changed"


class TooManyFiles(Exception):
    """The message says how many files a ZIP file can have."""


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """A file of a download. `name` is its place in the ZIP file; its row, the key `pk` of `table`, may be deleted
    meanwhile."""

    name: str
    table: str
    pk: str
    host: str
    root_id: UUID
    root_path: str
    path: str
    at: datetime
    bytes: int
    sha256: str
    facts: dict[str, Any] = field(default_factory=dict)
    state: str = EXPORTED
    message: str = ""
    is_offsite: bool = False

    def part(self) -> dict[str, Any]:
        """Its part of the manifest. `message`: why it is not sent, before that of its own facts."""
        return {
            "path": self.name, "host": self.host, "bytes": self.bytes, "sha256": self.sha256, "state": self.state,
            **self.facts, "message": self.message or self.facts.get("message", ""),
        }  # fmt: skip


class ZipDownload:
    """The bytes of the ZIP file, read in threads. The list of the files is complete: the database is only asked where
    files of other hosts are. A subclass describes them, when it is known which of them were sent."""

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
        while (part := await asyncio.to_thread(_next, parts)) is not None:
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
            with open_content(file) as chunks:
                yield from self._zip.add_file(file.name, file.at, _checked(chunks, file))
        except NotReadable as error:
            self.files[place] = replace(file, state=CHANGED if error.changed else MISSING, message=str(error))

    def _errors(self) -> bytes:
        lines = [f"{file.name}: {file.message}" for file in self.files if file.state != EXPORTED]
        return ("\n".join(lines) + "\n").encode() if lines else b""

    def _sums(self, described: dict[str, bytes]) -> bytes:
        lines = [f"{file.sha256}  {file.name}" for file in self.files if file.state == EXPORTED]
        lines += [f"{hashlib.sha256(text).hexdigest()}  {name}" for name, text in described.items()]
        return ("\n".join(lines) + "\n").encode()


def _next(parts: Iterator[bytes]) -> bytes | None:
    try:
        return next(parts, None)
    finally:
        # In a thread of the loop's, which would keep a connection to the database for ever.
        connection.close()


def _checked(chunks: Iterator[bytes], file: ZipEntry) -> Iterator[bytes]:
    """NotReadable when the content is another one than was recorded."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != file.sha256:
        message = f"The content of {file.path} has changed: its SHA-256 is {digest.hexdigest()[:12]}…."
        raise NotReadable(message, changed=True)
