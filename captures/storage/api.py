"""The API of the storage: usage, plans of cleanups, checks, and of destinations what is no operation of their
resource: the test, a job, and what waits."""

from __future__ import annotations

from typing import Annotated, Self
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from pydantic import Field, StrictBool, field_validator, model_validator
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cameras.camera_view import actor
from cameras.models import Camera
from cameras.resource import Slug
from cameras.selectors import camera_ids
from captures.roots.models import StorageRoot
from captures.storage.integrity.check import FindingBody, FindingPage, csv_lines, finding_body
from captures.storage.integrity.decisions import adopt, set_aside
from captures.storage.integrity.models import FindingKind, FindingState, IntegrityFinding
from captures.storage.offsite.resource import BacklogBody, ProbeRequest
from captures.storage.offsite.selectors import backlog_of, destinations_for
from captures.storage.offsite.services import start_test
from captures.storage.retention.jobs import enqueue_plan
from captures.storage.retention.manager import StorageManager
from captures.storage.retention.plan import PlanBody, plan_body
from captures.storage.usage.measurements import StorageBody, UsagePage, usage_history
from core.api.paging import page
from core.api.queries import PageQuery, Query
from core.idempotency.view import IdempotentView
from core.jobs.answers import JobBody
from core.jobs.api import accepted
from core.jobs.services import enqueue
from core.resources.fields import Fields
from core.resources.resource import body_of
from core.slices import slices_of
from core.text.names import Line


class UsageQuery(Query):
    days: Annotated[int, Field(ge=1, le=400, description="How many days, up to today (UTC).")] = 30


class CleanupBody(Fields):
    dry_run: Annotated[StrictBool, Field(description="true: make a plan and delete nothing.")] = True
    plan: Annotated[UUID | None, Field(description="With dry_run false: the plan to execute.")] = None

    @model_validator(mode="after")
    def names_a_plan_to_execute(self) -> Self:
        if self.dry_run and self.plan is not None:
            raise ValueError("`plan` is for `dry_run: false`. Without it a new plan is made.")
        if not self.dry_run and self.plan is None:
            raise ValueError("`dry_run: false` needs `plan`, the id of a plan. Make one with `dry_run: true`.")
        return self


class FindingQuery(PageQuery):
    host: Annotated[Line, Field(max_length=60)] | None = None
    kind: FindingKind | None = None
    state: FindingState | None = FindingState.OPEN


class CheckBody(Fields):
    hash: Annotated[StrictBool, Field(description="Read the content of all files, which can take hours.")] = False
    host: Annotated[str | None, Field(max_length=60, description="This host by default.")] = None

    @field_validator("host")
    @classmethod
    def is_a_host_with_storage(cls, host: str | None) -> str | None:
        if host is not None and ("\0" in host or not StorageRoot.objects.filter(host=host).exists()):
            raise ValueError("No host of that name has a storage root.")
        return host


class AdoptBody(Fields):
    camera: Annotated[Slug | None, Field(description="The camera of the file; by default its folder's.")] = None


class StorageView(APIView):
    """The storage roots of all hosts: free space, forecast, and usage by class and camera, as last measured."""

    roles = {"GET": "viewer"}

    @extend_schema(operation_id="storage", responses=StorageBody)
    def get(self, request: Request) -> Response:
        found = StorageManager(settings.STATION.host).usage(request.user)
        return Response(StorageBody(results=found).model_dump(by_alias=True))


class UsageView(APIView):
    """The usage of each day, newest first."""

    roles = {"GET": "viewer"}

    @extend_schema(operation_id="storage_usage", parameters=UsageQuery.parameters(), responses=UsagePage)
    def get(self, request: Request) -> Response:
        found = usage_history(request.user, UsageQuery.of(request).days)
        return Response(UsagePage(results=found).model_dump(by_alias=True))


class CleanupView(IdempotentView):
    roles = {"POST": "manager"}
    idempotent = {"POST"}

    @extend_schema(request=CleanupBody, responses={200: PlanBody, 202: JobBody})
    def post(self, request: Request) -> Response:
        """Make a plan of what the rules delete on this host, or execute a plan as a job. A plan is valid for 10 minutes
        and executed once."""
        wanted, host = CleanupBody.model_validate(request.data), settings.STATION.host
        if wanted.plan is None:
            return Response(plan_body(StorageManager(host, actor(request)).plan()))
        job = enqueue_plan(wanted.plan, actor(request))
        return accepted(job, request)


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
        return accepted(job, request)


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


class DestinationTestView(APIView):
    roles = {"POST": "manager"}

    @extend_schema(request=ProbeRequest, responses={202: JobBody})
    def post(self, request: Request, destination: UUID) -> Response:
        """Connect, write, read and remove a small file, as a job. Its result has `works` and `said`, sentences."""
        found = destinations_for(request.user).get(pk=destination)
        wanted = ProbeRequest.model_validate(request.data)
        job = start_test(found, actor(request), wanted.host or "")
        return accepted(job, request)


class BacklogView(APIView):
    roles = {"GET": "manager"}

    @extend_schema(responses=BacklogBody)
    def get(self, request: Request, destination: UUID) -> Response:
        """What waits for its copy."""
        return Response(body_of(BacklogBody, backlog_of(destinations_for(request.user).get(pk=destination))))
