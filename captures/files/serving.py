"""Serves files of captures and clips: byte ranges, validators, constant memory for files of many GB.

A file is opened below its storage root through directory descriptors, so that neither `..` nor a symbolic link leaves
the root. Only the host that stores a file serves it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
from collections.abc import AsyncIterator
from pathlib import PurePosixPath
from urllib.parse import quote
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header, http_date
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from cameras.spool.durable import RootFiles
from captures.capturing.models import CaptureFile
from captures.capturing.selectors import file_for
from captures.clips.models import Clip
from captures.files.queries import FileQuery
from captures.files.ranges import Span, not_modified, requested_span
from captures.files.stored_copy import StoredCopy
from captures.storage.models import StorageClass
from captures.storage.roots import is_assigned
from core.camera_names import CameraRef
from monitoring.services import raise_alert

CHUNK_BYTES = 256 * 1024
REVALIDATE = "private, no-cache"
"""A browser caches a picture and revalidates it before each use: the answer is 304 while the ETag matches."""
TYPES = {
    ".avi": "video/x-msvideo",
    ".fits": "application/fits",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".mp4": "video/mp4",
    ".png": "image/png",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
}
"""All other files, including RAW, are OTHER_TYPE, which no browser executes."""
OTHER_TYPE = "application/octet-stream"
SERVED_TYPES = sorted({*TYPES.values(), OTHER_TYPE})


Stored = CaptureFile | Clip
"""A row with a file: host, root, path, bytes, SHA-256."""
Served = Stored | StoredCopy
"""What is sent to clients."""


class OnOtherHost(Exception):
    def __init__(self, file: Served) -> None:
        super().__init__(f"The file is on the camera host {file.host!r}. Request it there.")
        self.host = file.host


class FileMissing(Exception):
    """The row exists, but its file is missing or has changed."""


class OpenFile:
    """A file's bytes in chunks, read in threads. A `head` comes before them if there is one. The file is closed at the
    end, or when the client disconnects."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._head = b""
        found = os.fstat(descriptor)
        self.size, self.modified = found.st_size, found.st_mtime
        self.span = Span(0, self.size - 1)

    def put_before(self, head: bytes) -> None:
        self._head = head
        self.size += len(head)
        self.span = Span(0, self.size - 1)

    def read(self, size: int, offset: int) -> bytes:
        if offset < len(self._head):
            return self._head[offset : offset + size]
        return os.pread(self._descriptor, size, offset - len(self._head))

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Read into `buffer`, without a copy; returns the number of bytes."""
        return os.preadv(self._descriptor, [buffer], offset)

    @property
    def descriptor(self) -> int:
        """For calls of the system. It stays that of this object."""
        return self._descriptor

    def forget_cached(self) -> None:
        """Drop the file from the page cache: what was read to the end once need not displace what is in use."""
        os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        offset = self.span.first
        while offset <= self.span.last:
            size = min(CHUNK_BYTES, self.span.last + 1 - offset)
            # A slow disk must not block the event loop, which serves all clients.
            chunk = await asyncio.to_thread(self.read, size, offset)
            if not chunk:
                raise OSError("The file became shorter while it was sent.")
            offset += len(chunk)
            yield chunk
        self.close()

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __del__(self) -> None:
        """Closes the file of a request that was cancelled before its response existed."""
        self.close()


class CaptureFileView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(
        parameters=FileQuery.parameters(),
        responses={(status, kind): OpenApiTypes.BINARY for status in (200, 206) for kind in SERVED_TYPES} | {304: None},
    )
    def get(self, request: Request, capture: UUID) -> HttpResponseBase:
        """A file of the capture. Supports Range, If-Range, If-None-Match and HEAD; the ETag is the file's SHA-256."""
        query = FileQuery.of(request)
        file = file_for(request.user, capture, query.kind)
        try:
            response = serve(request, file)
        except FileMissing as error:
            _raise_missing_alert(file, str(error))
            raise
        name = PurePosixPath(file.path).name
        response.headers["Content-Disposition"] = content_disposition_header(query.download, name) or "inline"
        return response


def serve(request: Request, row: Served, head: bytes = b"", form: str = "") -> HttpResponse | StreamingHttpResponse:
    """The file of a row. `head`: bytes put before it; `form` then names this variant in the ETag.

    Raises OnOtherHost, FileMissing or Unsatisfiable.
    """
    if row.host != settings.STATION.host:
        raise OnOtherHost(row)
    file = open_below(row.root.path, row.path)
    response = None
    try:
        check_size(file, row)
        # After the check: the head is no part of the stored size.
        file.put_before(head)
        response = _answer(request, row, file, form)
    finally:
        # A streaming response closes the file itself, once it is sent or its client has gone.
        if response is None or not response.streaming:
            file.close()
    return response


def check_size(file: OpenFile, row: Served) -> None:
    if file.size != row.bytes:
        raise FileMissing(f"The file {row.path} has {file.size} bytes, but was stored with {row.bytes}.")


def _answer(request: Request, row: Served, file: OpenFile, form: str) -> HttpResponse | StreamingHttpResponse:
    etag = f'"{row.sha256}-{form}"' if form else f'"{row.sha256}"'
    headers = {
        "ETag": etag,
        "Last-Modified": http_date(file.modified),
        "Cache-Control": REVALIDATE,
        "Accept-Ranges": "bytes",
    }
    if not_modified(request.headers, etag, file.modified):
        return HttpResponse(status=304, headers=headers)
    headers["Content-Type"] = TYPES.get(PurePosixPath(row.path).suffix.lower(), OTHER_TYPE)
    # nginx serves one root, that of the captures, and cannot put a head before a file. It answers Range itself.
    if settings.STATION.web.x_accel and not form and is_assigned(row.root, StorageClass.CAPTURES):
        return HttpResponse(headers=headers | {"X-Accel-Redirect": settings.STATION.web.x_accel + quote(row.path)})
    if request.method == "HEAD":
        return HttpResponse(headers=headers | {"Content-Length": str(file.size)})
    return _stream(file, requested_span(request.headers, file.size, etag, file.modified), headers)


def _stream(file: OpenFile, span: Span | None, headers: dict[str, str]) -> StreamingHttpResponse:
    if span is not None:
        file.span = span
        headers["Content-Range"] = f"bytes {span.first}-{span.last}/{file.size}"
    headers["Content-Length"] = str(file.span.length)
    # Not FileResponse: under ASGI it reads a whole clip into memory (641 MB for one of 600 MB) and ignores Range.
    return StreamingHttpResponse(file, status=206 if span else 200, headers=headers)


def open_below(root: str, path: str) -> OpenFile:
    """FileMissing when `path` is not a regular file below `root`, or when a part of it is a symbolic link."""
    folder, _, name = path.rpartition("/")
    # Paths come from records on disks. NUL: os.open raises a ValueError for it, no OSError.
    if any(part in {"", ".", ".."} for part in path.split("/")) or "\0" in path:
        raise FileMissing(f"{path!r} is not a path below a storage root.")
    try:
        descriptor = _open_descriptor(root, folder, name)
    except OSError as error:
        raise FileMissing(f"The file {path} cannot be opened: {error.strerror}.") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileMissing(f"{path} is not a regular file.")
    return OpenFile(descriptor)


def _open_descriptor(root: str, folder: str, name: str) -> int:
    # O_NONBLOCK: a FIFO in the place of the file would block this thread for ever.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with contextlib.closing(RootFiles(root)) as files, files.folder(folder) as at:
        return os.open(name, flags, dir_fd=at)


def _raise_missing_alert(row: CaptureFile, message: str) -> None:
    raise_missing_alert(row, row.capture.camera, message, {"capture": str(row.capture_id), "kind": row.kind})


def raise_missing_alert(row: Stored, camera: CameraRef, message: str, origin: dict[str, str]) -> None:
    """Raise an alert that asks for the file to be restored. `origin`: the capture or clip that it belongs to."""
    raise_alert(
        f"storage.missing:{row.pk}",
        f"{message} Restore it from a copy; `skycam doctor` shows where the storage root is.",
        severity="error",
        camera=camera,
        data={**origin, "root": str(row.root_id), "path": row.path},
    )
