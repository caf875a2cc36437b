"""The routes of the files of archives: one file, its thumbnail, and all files as a ZIP file."""

from __future__ import annotations

import functools
from pathlib import PurePosixPath
from typing import Annotated, Literal
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from pydantic import Field
from rest_framework.request import Request
from rest_framework.views import APIView

from cameras.camera_filter import CameraFilter
from cameras.visibility import camera_condition
from captures.files.answers import SERVED_TYPES
from captures.files.clip_serving import serve_clip
from captures.files.opened import FileMissing
from captures.files.queries import ThumbnailQuery
from captures.files.serving import serve
from captures.files.thumbnails import NoThumbnail, thumbnail_response
from captures.recordings.clips.queries import ClipFileQuery
from captures.storage.archives.copies import copy_of, is_clip
from captures.storage.archives.download import filename_of, make_download
from captures.storage.archives.models import Archive, ArchiveFile, ArchiveFileState
from captures.storage.archives.selectors import archive_file_for, archive_files_for, archives_for, kind_condition
from captures.thumbnails.jobs import CLIP
from captures.thumbnails.store import picture_index
from core.api.queries import Query
from core.events.service import raise_alert
from core.times.moments import Moment


class ArchiveZipQuery(Query):
    camera: CameraFilter = None
    kind: Literal["clip", "capture"] | None = None
    from_: Annotated[Moment | None, Field(alias="from", description="Not before; ISO 8601 with a zone.")] = None
    to: Annotated[Moment | None, Field(description="Before; ISO 8601 with a zone.")] = None

    def within(self) -> dict[str, Moment]:
        ends = {"at__gte": self.from_, "at__lt": self.to}
        return {name: at for name, at in ends.items() if at is not None}


class ArchivedFileView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(
        parameters=ClipFileQuery.parameters(),
        responses={(status, kind): OpenApiTypes.BINARY for status in (200, 206) for kind in SERVED_TYPES} | {304: None},
    )
    def get(self, request: Request, archive: UUID, file: UUID) -> HttpResponseBase:
        """A file as the archive has it, also when its source is deleted. Supports Range, If-Range, If-None-Match and
        HEAD; the ETag is its SHA-256."""
        query: ClipFileQuery = ClipFileQuery.of(request)
        found = archive_file_for(request.user, archive, file)
        if found.state != ArchiveFileState.COPIED:
            raise FileMissing(f"{found.path} cannot be read: {found.message or 'it is not copied yet.'}")
        copy = copy_of(found)
        alert = functools.partial(_raise_alert, found)
        if is_clip(found):
            response: HttpResponseBase = serve_clip(request, copy, query.form, alert=alert)
        else:
            response = serve(request, copy, alert=alert)
        name = PurePosixPath(found.path).name
        response.headers["Content-Disposition"] = content_disposition_header(query.download, name) or "inline"
        return response


def _raise_alert(file: ArchiveFile, message: str) -> None:
    archive = file.folder.archive
    raise_alert(
        f"archive.damaged:{archive.pk}", f"{message} Verify the archive: it is mended if there is a whole copy.",
        severity="error", camera=file.camera, data={"archive": str(archive.pk)},
    )  # fmt: skip


class ArchivedThumbnailView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(
        parameters=ThumbnailQuery.parameters(), responses={(200, "image/jpeg"): OpenApiTypes.BINARY, 304: None}
    )
    def get(self, request: Request, archive: UUID, file: UUID) -> HttpResponse:
        """A JPEG of the file, of a clip its first key frame. 503 with Retry-After while it is being rendered, 404 with
        the reason if it cannot be."""
        size: int = ThumbnailQuery.of(request).size
        found = copy_of(archive_file_for(request.user, archive, file))
        if found.kind != CLIP and picture_index([found.kind]) is None:
            raise NoThumbnail(f"Files of the kind {found.kind!r} have no thumbnails.")
        return thumbnail_response(request, found, size)


class ArchiveZipView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(parameters=ArchiveZipQuery.parameters(), responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request, archive: UUID) -> HttpResponseBase:
        """The files on this host of the cameras that the user may see, with manifest.json, SHA256SUMS and README.txt.
        One that is missing or has changed is no entry: ERRORS.txt names it. It has no length and no ranges."""
        query: ArchiveZipQuery = ArchiveZipQuery.of(request)
        found: Archive = archives_for(request.user).get(pk=archive)
        files = archive_files_for(request.user, found).filter(
            kind_condition(query.kind), **camera_condition(request.user, query.camera), **query.within()
        )
        if request.method == "HEAD":
            return HttpResponse(content_type="application/zip", headers={"Cache-Control": "no-store"})
        return make_download(request.user, found, files).response(filename_of(found))
