"""The routes of the check of the storage."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cameras.camera_view import actor
from cameras.models import Camera
from cameras.visibility import camera_ids
from captures.integrity.answers import FindingBody, FindingPage
from captures.integrity.bodies import csv_lines, finding_body
from captures.integrity.decisions import adopt, set_aside
from captures.integrity.models import IntegrityFinding
from captures.storage_api.requests import AdoptBody, CheckBody, FindingQuery
from core.api.paging import page
from core.idempotency.view import IdempotentView
from core.jobs.answers import JobBody
from core.jobs.selectors import job_body
from core.jobs.services import enqueue
from core.slices import slices_of


def all_findings() -> QuerySet[IntegrityFinding]:
    return IntegrityFinding.objects.select_related("root", "camera")


class IntegrityView(IdempotentView):
    """What checks found, newest first: missing, untracked and mismatching files."""

    roles = {"GET": "manager", "POST": "manager"}
    idempotent = {"POST"}

    @extend_schema(operation_id="storage_integrity", parameters=FindingQuery.parameters(), responses=FindingPage)
    def get(self, request: Request) -> Response:
        query: FindingQuery = FindingQuery.of(request)
        findings = all_findings().filter(**query.conditions())
        return Response(page(findings, query, request, "found_at", finding_body))

    @extend_schema(request=CheckBody, responses={202: JobBody})
    def post(self, request: Request) -> Response:
        """Check the storage of a host, by default this one, as a job. With `hash` it reads the content of all files."""
        wanted = CheckBody.model_validate(request.data)
        host = wanted.host or settings.STATION.host
        job, _ = enqueue("integrity", host, camera=None, arguments={"hash": wanted.hash}, actor=actor(request))
        return Response(job_body(job, request.user), 202, headers={"Location": f"/api/v1/jobs/{job.pk}/"})


class IntegrityCsvView(APIView):
    roles = {"GET": "manager"}

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request) -> StreamingHttpResponse:
        """The open findings as CSV. A cell that a spreadsheet would calculate begins with an apostrophe."""
        findings = all_findings().filter(state=IntegrityFinding.State.OPEN)
        lines = csv_lines(
            found for keys in slices_of(findings) for found in findings.filter(pk__in=keys).order_by("pk")
        )
        headers = {"Content-Disposition": 'attachment; filename="integrity.csv"'}
        return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


class AdoptView(IdempotentView):
    roles = {"POST": "manager"}
    idempotent = {"POST"}

    @extend_schema(request=AdoptBody, responses=FindingBody)
    def post(self, request: Request, finding: UUID) -> Response:
        """Make a capture or a manual clip of an untracked file. 409 `finding-refused` says why it cannot be one."""
        wanted = AdoptBody.model_validate(request.data)
        camera = Camera.objects.get(pk=camera_ids(request.user, wanted.camera)[-1]) if wanted.camera else None
        return Response(finding_body(adopt(all_findings().get(pk=finding), camera, actor(request))))


class SetAsideView(IdempotentView):
    roles = {"POST": "manager"}
    idempotent = {"POST"}

    @extend_schema(request=None, responses=FindingBody)
    def post(self, request: Request, finding: UUID) -> Response:
        """Move an untracked file to the folder `set-aside` of its root. Nothing is deleted."""
        return Response(finding_body(set_aside(all_findings().get(pk=finding), actor(request))))
