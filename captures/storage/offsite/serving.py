"""Files that come from their off-site copies, while their host is away, when their file is gone, or because they were
moved there."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import PurePosixPath
from typing import TypeVar

from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header
from rest_framework.request import Request

from captures.files.answers import FileFacts, answer
from captures.files.opened import FileRow
from captures.files.serving import FileQuery
from captures.storage.offsite.destinations.port import (
    CHUNK_BYTES,
    CopyMissing,
    DestinationError,
    Sender,
    WrongChecksum,
)
from captures.storage.offsite.destinations.settings import S3Settings
from captures.storage.offsite.models import OffsiteCopy
from captures.storage.offsite.restore import copies_of, take_back
from captures.storage.offsite.senders import NoPace, opened

log = logging.getLogger(__name__)
Used = TypeVar("Used")
ADDRESS_S = 600
"""How long a presigned address is valid."""


def serve_copy(request: Request, row: FileRow) -> HttpResponse | StreamingHttpResponse | None:
    """The answer from a copy; None when there is no verified copy that can be read now. Unsatisfiable."""
    return _first_readable(row, lambda copy: _answer(request, row, copy))


def name_copies(row: FileRow) -> list[str]:
    """The destinations with a verified copy, that of the newest first."""
    return list(dict.fromkeys(copy.destination.name for copy in copies_of(row.table, row.pk, row.sha256)))


def read_copy(row: FileRow, resources: contextlib.ExitStack) -> Iterator[bytes] | None:
    """The content of a copy; None as `serve_copy`. OSError while it is read."""
    body = _first_readable(row, lambda copy: CopyBody(copy, 0, copy.bytes))
    if body is None:
        return None
    resources.callback(body.close)
    return _as_file(body)


def _first_readable(row: FileRow, use: Callable[[OffsiteCopy], Used]) -> Used | None:
    for copy in copies_of(row.table, row.pk, row.sha256):
        try:
            return use(copy)
        except DestinationError as error:
            log.warning("The copy of %s at %s cannot be read: %s", row.path, copy.destination.name, error)
    return None


def _answer(request: Request, row: FileRow, copy: OffsiteCopy) -> HttpResponse | StreamingHttpResponse:
    """DestinationError, Unsatisfiable."""
    facts = FileFacts(row.path, copy.bytes, copy.sha256, modified=None)
    found = answer(str(request.method), request.headers, facts)
    if found.status == 304 or request.method == "HEAD":
        return HttpResponse(status=found.status, headers=found.headers)
    settings, download = copy.destination.typed_settings, FileQuery.lenient(request.query_params).download
    # What a page shows comes from here: its Content-Security-Policy lets a browser load nothing from elsewhere.
    is_shown = request.auth is None and not download
    if isinstance(settings, S3Settings) and settings.redirect and not is_shown:
        name = PurePosixPath(row.path).name
        return _redirect(copy, facts.content_type, content_disposition_header(download, name) or "inline")
    body = CopyBody(copy, found.first, found.end)
    return StreamingHttpResponse(body, status=found.status, headers=found.headers)


def _as_file(body: CopyBody) -> Iterator[bytes]:
    """OSError when the destination fails on the way, as of a disk."""
    try:
        yield from body.chunks()
    except DestinationError as error:
        raise OSError(str(error)) from error


def _redirect(copy: OffsiteCopy, content_type: str, disposition: str) -> HttpResponse:
    from captures.storage.offsite.destinations.s3 import S3Sender

    with opened(copy.destination, NoPace()) as sender:
        assert isinstance(sender, S3Sender)
        address = sender.address(copy.key, ADDRESS_S, content_type, disposition)
    # Not kept by a browser: the address expires.
    return HttpResponse(status=307, headers={"Location": address, "Cache-Control": "no-store"})


class CopyBody:
    """The bytes of a copy from `first` to before `end`. The whole copy is compared with its SHA-256: its last chunk is
    only passed on if it is right. DestinationError when it cannot be opened."""

    def __init__(self, copy: OffsiteCopy, first: int, end: int) -> None:
        self._copy, self._left = copy, end - first
        self._digest = hashlib.sha256() if self._left == copy.bytes else None
        self._resources = contextlib.ExitStack()
        sender: Sender = self._resources.enter_context(opened(copy.destination, NoPace()))
        self._chunks = sender.fetch(copy.key, first) if self._left else iter(())
        try:
            # Now, while the request can still be answered otherwise.
            self._next: bytes | None = self._read() if self._left else None
        except BaseException:
            self.close()
            raise

    def chunks(self) -> Iterator[bytes]:
        """DestinationError."""
        while self._next is not None:
            # One ahead: the last chunk is read, and the whole compared, before it is passed on.
            chunk, self._next = self._next, self._read() if self._left else None
            yield chunk

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = self.chunks()
        while (chunk := await asyncio.to_thread(_next, chunks)) is not None:
            yield chunk

    def close(self) -> None:
        self._resources.close()

    def _read(self) -> bytes:
        wanted, chunk = min(self._left, CHUNK_BYTES), bytearray()
        try:
            # A network gives less than was asked for: a small file is whole before its answer begins.
            while len(chunk) < wanted and (more := next(self._chunks, b"")):
                chunk += more
        except CopyMissing:
            take_back(self._copy, "missing")
            raise
        if len(chunk) < wanted:
            raise WrongChecksum("The copy is shorter than the file.")
        del chunk[self._left :]
        self._left -= len(chunk)
        if self._digest is not None:
            self._digest.update(chunk)
        if not self._left:
            self._check()
        return bytes(chunk)

    def _check(self) -> None:
        if self._digest is not None and self._digest.hexdigest() != self._copy.sha256:
            take_back(self._copy, "damaged")
            raise WrongChecksum(f"The copy at {self._copy.destination.name} is damaged.")


def _next(chunks: Iterator[bytes]) -> bytes | None:
    try:
        return next(chunks, None)
    finally:
        # In a thread of the loop's, which would keep a connection to the database for ever.
        connection.close()
