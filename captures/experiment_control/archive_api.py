"""The routes of archives: request, list, show, files, manifest, verify."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cameras.camera_view import actor
from captures.archives.answers import ArchiveBody, ArchiveFileBody, ArchiveFilePage, ArchivePage
from captures.archives.bodies import archive_body
from captures.archives.models import Archive, ArchiveFileState, ArchiveState
from captures.archives.selectors import archive_files_for, archives_for
from captures.archives.services import request_archive
from captures.archives.verification import request_verification
from captures.experiments.selectors import experiment_for
from core.api.paging import page
from core.api.queries import PageQuery
from core.idempotency.view import IdempotentView
from core.jobs.answers import JobBody
from core.jobs.selectors import job_body
from core.resources.answers import body_of
from core.resources.fields import Fields


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
