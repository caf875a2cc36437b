"""The routes of storage: usage, and cleanups."""

from __future__ import annotations

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cameras.camera_view import actor
from captures.retention.answers import PlanBody
from captures.retention.jobs import enqueue_plan
from captures.retention.manager import StorageManager
from captures.retention.plan_bodies import plan_body
from captures.storage_api.requests import CleanupBody, UsageQuery
from captures.storage_usage.answers import StorageBody, UsagePage
from captures.storage_usage.bodies import usage_history
from core.idempotency.view import IdempotentView
from core.jobs.answers import JobBody
from core.jobs.selectors import job_body


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
        return Response(job_body(job, request.user), 202, headers={"Location": f"/api/v1/jobs/{job.pk}/"})
