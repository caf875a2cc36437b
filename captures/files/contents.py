"""The content of a stored file from the beginning to the end, wherever it is: on this host, on another, or off-site."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Iterator
from typing import Protocol

from django.conf import settings

from captures.files.host_files.addresses import FileAddress
from captures.files.host_files.client import HostAnswer, HostAway, ask
from captures.files.opened import FileChanged, FileMissing, KeptOffsite, OpenFile, open_below
from captures.files.stored_copy import FileRow
from core.registry import resolve

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
