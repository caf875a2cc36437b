"""Serves files of captures and clips: byte ranges, validators, constant memory for files of many GB. A file of this
host is read here, one of another host is relayed from there, and one that neither has comes from its off-site
copy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Annotated, Literal
from urllib.parse import quote
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from pydantic import BeforeValidator, Field
from rest_framework.request import Request
from rest_framework.views import APIView

from captures.capturing.models import CaptureFile
from captures.capturing.selectors import file_for
from captures.files.answers import SERVED_TYPES, FileFacts, Span, answer
from captures.files.host_files.addresses import FileAddress
from captures.files.host_files.client import HostAway, relay_file
from captures.files.opened import FileChanged, FileMissing, KeptOffsite, OpenFile, StoredCopy, open_below
from captures.recordings.clips.models import Clip
from captures.roots.models import StorageClass
from captures.roots.roots import is_assigned
from core.api.queries import Query
from core.camera_names import CameraRef
from core.events.service import raise_alert
from core.registry import resolve


class FileQuery(Query):
    kind: (
        Annotated[str, Field(max_length=20, pattern=r"^[a-z0-9]+$", description="Without it: the primary file.")] | None
    ) = None
    download: Annotated[bool, Field(description="Offer the file for saving instead of showing it.")] = False


def _integer(given: object) -> object:
    """ValueError for a text that is not a number. A parameter given twice is a list, which the field refuses."""
    return int(given) if isinstance(given, str) else given


class ThumbnailQuery(Query):
    size: Annotated[
        # A Literal of numbers accepts no text, and parameters are text.
        Literal[320, 800, 2048], BeforeValidator(_integer), Field(description="Pixels of the longest side, at most.")
    ] = 320


Stored = CaptureFile | Clip
"""A row with a file: host, root, path, bytes, SHA-256."""
Served = Stored | StoredCopy
"""What is sent to clients."""
Alert = Callable[[str], None]
"""Raises the alert for a file that is missing on this host, for the reason of the sentence."""
COPIES = SERVE_COPY, NAME_COPIES = (
    "captures.storage.offsite.serving.serve_copy",
    "captures.storage.offsite.serving.name_copies",
)
"""What serves a file from its off-site copy, and says where it has some, which is above this package."""


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
        response = serve(request, file, alert=lambda message: _raise_missing_alert(file, message))
        name = PurePosixPath(file.path).name
        response.headers["Content-Disposition"] = content_disposition_header(query.download, name) or "inline"
        return response


def serve(
    request: Request, row: Served, head: bytes = b"", form: str = "", *, alert: Alert
) -> HttpResponse | StreamingHttpResponse:
    """The file of a row. `head`: bytes put before it; `form` then names this variant in the ETag.

    Raises HostAway, KeptOffsite, FileMissing or Unsatisfiable.
    """
    try:
        if row.is_offsite:
            raise KeptOffsite(row.path)
        if row.host != settings.STATION.host:
            return relay_file(request, FileAddress.of(row, form=form))
        return _serve_here(request, row, head, form)
    except FileMissing as error:
        alert(str(error))
        return serve_copy(request, row, error)
    except (HostAway, KeptOffsite) as error:
        return serve_copy(request, row, error)


def serve_copy(
    request: Request, row: Served, why: FileMissing | HostAway | KeptOffsite
) -> HttpResponse | StreamingHttpResponse:
    """The file from its off-site copy. Raises `why` when there is none that can be read now; it names those there
    are."""
    found: HttpResponse | StreamingHttpResponse | None = resolve(SERVE_COPY)(request, row)
    if found is None:
        why.copies = resolve(NAME_COPIES)(row)
        raise why
    return found


def _serve_here(request: Request, row: Served, head: bytes, form: str) -> HttpResponse | StreamingHttpResponse:
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
        raise FileChanged(row.path, file.size, row.bytes)


def _answer(request: Request, row: Served, file: OpenFile, form: str) -> HttpResponse | StreamingHttpResponse:
    facts = FileFacts(row.path, file.size, row.sha256, file.modified, form)
    # nginx serves one root, that of the captures, and cannot put a head before a file. It answers Range itself.
    if settings.STATION.web.x_accel and not form and is_assigned(row.root, StorageClass.CAPTURES):
        found = answer("HEAD", request.headers, facts)
        if found.status == 200:
            del found.headers["Content-Length"]
            found.headers["X-Accel-Redirect"] = settings.STATION.web.x_accel + quote(row.path)
        return HttpResponse(status=found.status, headers=found.headers)
    found = answer(str(request.method), request.headers, facts)
    if found.status == 304 or request.method == "HEAD":
        return HttpResponse(status=found.status, headers=found.headers)
    file.span = Span(found.first, found.end - 1)
    # Not FileResponse: under ASGI it reads a whole clip into memory (641 MB for one of 600 MB) and ignores Range.
    return StreamingHttpResponse(file, status=found.status, headers=found.headers)


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
