"""The API of archives and of accounts of experiments."""

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
from rest_framework.response import Response
from rest_framework.views import APIView

from cameras.camera_view import actor
from cameras.resource import CameraFilter
from cameras.selectors import camera_condition
from captures.experiments.resource import AccountBody
from captures.experiments.selectors import account_body, experiment_for
from captures.files.answers import SERVED_TYPES
from captures.files.clip_serving import serve_clip
from captures.files.opened import FileMissing
from captures.files.serving import ThumbnailQuery, serve
from captures.files.thumbnails import NoThumbnail, thumbnail_response
from captures.recordings.clips.api import ClipFileQuery
from captures.storage.archives.answers import ArchiveBody, ArchiveFileBody, ArchiveFilePage, ArchivePage
from captures.storage.archives.bodies import archive_body
from captures.storage.archives.download import filename_of, make_download
from captures.storage.archives.models import Archive, ArchiveFile, ArchiveFileState, ArchiveState
from captures.storage.archives.selectors import (
    archive_file_for,
    archive_files_for,
    archives_for,
    copy_of,
    is_clip,
    kind_condition,
)
from captures.storage.archives.services import request_archive
from captures.storage.archives.verification import request_verification
from captures.thumbnails.store import CLIP, picture_index
from core.api.paging import page
from core.api.queries import PageQuery, Query
from core.events.service import raise_alert
from core.idempotency.view import IdempotentView
from core.jobs.answers import JobBody
from core.jobs.services import job_body
from core.resources.fields import Fields
from core.resources.resource import body_of
from core.times.timestamps import Moment


class ExperimentAccountView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(responses=AccountBody)
    def get(self, request: Request, experiment: UUID) -> Response:
        """What it has of each camera: time with video, gaps with their reasons, captures, sessions; and its notes."""
        return Response(account_body(experiment_for(request.user, experiment), request.user))


class ArchiveRequest(Fields):
    method: Literal["copy", "link"] | None = None


class ArchiveQuery(PageQuery):
    experiment: UUID | None = None
    state: ArchiveState | None = None
    verification: Literal["whole", "faulty"] | None = None


class ArchiveFileQuery(PageQuery):
    state: ArchiveFileState | None = None


class ExperimentArchiveView(IdempotentView):
    roles = {"POST": "operator"}
    idempotent = {"POST"}

    @extend_schema(request=ArchiveRequest, responses={202: ArchiveBody})
    def post(self, request: Request, experiment: UUID) -> Response:
        """Archive the experiment, or what it has got since it was archived last. Answers at once; jobs copy the
        files."""
        found = experiment_for(request.user, experiment)
        wanted = ArchiveRequest.model_validate(request.data)
        archive = request_archive(found, wanted.method or "", actor(request), user=request.user)
        body = archive_body(archives_for(request.user).get(pk=archive.pk), request.user)
        return Response(body, 202, headers={"Location": f"/api/v1/archives/{archive.pk}/"})


class ArchivesView(APIView):
    """Archives, newest first."""

    roles = {"GET": "viewer"}

    @extend_schema(operation_id="archives_list", parameters=ArchiveQuery.parameters(), responses=ArchivePage)
    def get(self, request: Request) -> Response:
        query: ArchiveQuery = ArchiveQuery.of(request)
        found = archives_for(request.user).filter(**query.conditions())
        return Response(page(found, query, request, "requested_at", lambda one: archive_body(one, request.user)))


class ArchiveView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(responses=ArchiveBody)
    def get(self, request: Request, archive: UUID) -> Response:
        return Response(archive_body(archives_for(request.user).get(pk=archive), request.user))


class ArchiveFilesView(APIView):
    """The files of an archive, newest first."""

    roles = {"GET": "viewer"}

    @extend_schema(
        operation_id="archive_files_list", parameters=ArchiveFileQuery.parameters(), responses=ArchiveFilePage
    )
    def get(self, request: Request, archive: UUID) -> Response:
        query: ArchiveFileQuery = ArchiveFileQuery.of(request)
        found: Archive = archives_for(request.user).get(pk=archive)
        files = archive_files_for(request.user, found).filter(**query.conditions())
        return Response(page(files, query, request, "at", lambda one: body_of(ArchiveFileBody, one)))


class ArchiveManifestView(APIView):
    roles = {"GET": "manager"}

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, archive: UUID) -> Response:
        """The manifest, as it is written on each host. 404 before the files are copied."""
        found: Archive = archives_for(request.user).get(pk=archive)
        if not found.manifest:
            raise Archive.DoesNotExist
        return Response(found.content)


class VerifyBody(Fields):
    """A job on each host."""

    results: list[JobBody]


class ArchiveVerifyView(IdempotentView):
    roles = {"POST": "operator"}
    idempotent = {"POST"}

    @extend_schema(request=None, responses={202: VerifyBody})
    def post(self, request: Request, archive: UUID) -> Response:
        """Read all files again, on each host of the archive. A verification that runs already is joined."""
        found: Archive = archives_for(request.user).get(pk=archive)
        jobs = request_verification(found, actor(request), user=request.user)
        return Response({"results": [job_body(job, request.user) for job in jobs]}, 202)


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
