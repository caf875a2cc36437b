"""The routes of jobs, and EXCEPTIONS: the problems for their exceptions."""

from __future__ import annotations

import functools
from typing import Annotated
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import extend_schema
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api.paging import page
from core.api.problems import ExceptionTable, from_message
from core.api.queries import PageQuery
from core.idempotency.view import IdempotentView
from core.jobs.answers import JobBody, JobPage
from core.jobs.models import Job
from core.jobs.services import NotCancellable, job_body, jobs_for, request_cancel
from core.jobs.states import JobState

Text = Annotated[str, Field(max_length=60, pattern=r"^[^\x00]*$")]


class JobQuery(PageQuery):
    kind: Text | None = None
    state: JobState | None = None
    host: Text | None = None


EXCEPTIONS: ExceptionTable = {NotCancellable: from_message("job-ended")}


def accepted(job: Job, request: Request) -> Response:
    """The answer to a request that made a job: 202, and where the job is."""
    return Response(job_body(job, request.user), 202, headers={"Location": f"/api/v1/jobs/{job.pk}/"})


class JobsView(APIView):
    """Jobs, newest first."""

    roles = {"GET": "viewer"}

    @extend_schema(operation_id="jobs_list", parameters=JobQuery.parameters(), responses=JobPage)
    def get(self, request: Request) -> Response:
        query: JobQuery = JobQuery.of(request)
        jobs = jobs_for(request.user).filter(**query.conditions())
        return Response(page(jobs, query, request, "created_at", functools.partial(job_body, user=request.user)))


class JobView(APIView):
    """One job: its progress, and its result once it has ended."""

    roles = {"GET": "viewer"}

    @extend_schema(responses=JobBody)
    def get(self, request: Request, job: UUID) -> Response:
        return Response(job_body(jobs_for(request.user).get(pk=job), request.user))


class CancelView(IdempotentView):
    """Cancel the job. A running job ends within some seconds; what it has done stays done."""

    roles = {"POST": "operator"}
    idempotent = {"POST"}

    @extend_schema(request=None, responses=JobBody)
    def post(self, request: Request, job: UUID) -> Response:
        found = jobs_for(request.user).get(pk=job)
        cancelled = request_cancel(found, request.user.get_username(), user=request.user)
        return Response(job_body(cancelled, request.user))


urlpatterns = [
    path("", JobsView.as_view()),
    path("<uuid:job>/", JobView.as_view()),
    path("<uuid:job>/cancel/", CancelView.as_view()),
]
