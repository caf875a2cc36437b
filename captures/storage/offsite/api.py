"""The routes of destinations that are no operation of the resource: the test, a job, and what waits."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cameras.camera_view import actor
from captures.storage.offsite.resource import BacklogBody, ProbeRequest
from captures.storage.offsite.selectors import backlog_of, destinations_for
from captures.storage.offsite.services import start_test
from core.jobs.answers import JobBody
from core.jobs.selectors import job_body
from core.resources.answers import body_of


class DestinationTestView(APIView):
    roles = {"POST": "manager"}

    @extend_schema(request=ProbeRequest, responses={202: JobBody})
    def post(self, request: Request, destination: UUID) -> Response:
        """Connect, write, read and remove a small file, as a job. Its result has `works` and `said`, sentences."""
        found = destinations_for(request.user).get(pk=destination)
        wanted = ProbeRequest.model_validate(request.data)
        job = start_test(found, actor(request), wanted.host or "")
        return Response(job_body(job, request.user), 202, headers={"Location": f"/api/v1/jobs/{job.pk}/"})


class BacklogView(APIView):
    roles = {"GET": "manager"}

    @extend_schema(responses=BacklogBody)
    def get(self, request: Request, destination: UUID) -> Response:
        """What waits for its copy."""
        return Response(body_of(BacklogBody, backlog_of(destinations_for(request.user).get(pk=destination))))
