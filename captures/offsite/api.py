"""The routes of off-site copies, for managers."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cameras.camera_view import actor
from captures.offsite import queue
from captures.offsite.bodies import (
    BacklogBody,
    CopyBody,
    CopyPage,
    DestinationBody,
    DestinationPage,
    RetriedBody,
    backlog_body,
    copy_body,
    destination_body,
)
from captures.offsite.models import Destination, OffsiteCopy
from captures.offsite.requests import CopyQuery, DeleteQuery, DestinationChange, DestinationRequest, ProbeRequest
from captures.offsite.services import add_destination, change_destination, remove_destination, start_test
from core.api.paging import page
from core.idempotency.view import IdempotentView
from core.jobs.bodies import JobBody, job_body


class DestinationsView(APIView):
    roles = {"GET": "manager", "POST": "manager"}

    @extend_schema(operation_id="offsite_destinations_list", responses=DestinationPage)
    def get(self, request: Request) -> Response:
        """All destinations, with their backlogs."""
        found = Destination.objects.prefetch_related("cameras", "hosts")
        return Response(DestinationPage(results=[destination_body(one) for one in found]))

    @extend_schema(request=DestinationRequest, responses={201: DestinationBody})
    def post(self, request: Request) -> Response:
        """Add a destination. Test it next: that pins the key of a server, and marks a folder."""
        made = add_destination(DestinationRequest.model_validate(request.data), actor(request))
        where = f"/api/v1/offsite/destinations/{made.pk}/"
        return Response(destination_body(made), 201, headers={"Location": where})


class DestinationView(APIView):
    roles = {"GET": "manager", "PATCH": "manager", "DELETE": "manager"}

    @extend_schema(responses=DestinationBody)
    def get(self, request: Request, destination: UUID) -> Response:
        return Response(destination_body(Destination.objects.get(pk=destination)))

    @extend_schema(request=DestinationChange, responses=DestinationBody)
    def patch(self, request: Request, destination: UUID) -> Response:
        """Change the fields that are given. Limits and hours hold at once, also for the file that is being sent.
        Settings of another place need `copies_moved` once it has copies; they are compared there."""
        found = Destination.objects.get(pk=destination)
        changed = change_destination(found, DestinationChange.model_validate(request.data), actor(request))
        return Response(destination_body(changed))

    @extend_schema(parameters=DeleteQuery.parameters(), request=None, responses={204: None})
    def delete(self, request: Request, destination: UUID) -> Response:
        """Forget the destination. Its copies stay where they are."""
        query: DeleteQuery = DeleteQuery.of(request)
        remove_destination(Destination.objects.get(pk=destination), actor(request), force=query.force)
        return Response(status=204)


class DestinationTestView(APIView):
    roles = {"POST": "manager"}

    @extend_schema(request=ProbeRequest, responses={202: JobBody})
    def post(self, request: Request, destination: UUID) -> Response:
        """Connect, write, read and remove a small file, as a job. Its result has `works` and `said`, sentences."""
        found = Destination.objects.get(pk=destination)
        wanted = ProbeRequest.model_validate(request.data)
        job = start_test(found, actor(request), wanted.host or "")
        return Response(job_body(job, request.user), 202, headers={"Location": f"/api/v1/jobs/{job.pk}/"})


class BacklogView(APIView):
    roles = {"GET": "manager"}

    @extend_schema(responses=BacklogBody)
    def get(self, request: Request, destination: UUID) -> Response:
        """What waits for its copy."""
        return Response(backlog_body(Destination.objects.get(pk=destination)))


class DestinationRetryView(IdempotentView):
    roles = {"POST": "manager"}
    idempotent = {"POST"}

    @extend_schema(request=None, responses=RetriedBody)
    def post(self, request: Request, destination: UUID) -> Response:
        """Queue its dead copies again, at most 10,000 at once, and try it now."""
        found = Destination.objects.get(pk=destination)
        queue.try_now(found)
        return Response(RetriedBody(copies=queue.retry_dead(found.copies.all(), actor(request))))


class CopiesView(APIView):
    roles = {"GET": "manager"}

    @extend_schema(operation_id="offsite_copies_list", parameters=CopyQuery.parameters(), responses=CopyPage)
    def get(self, request: Request) -> Response:
        """Copies, the newest row first."""
        query: CopyQuery = CopyQuery.of(request)
        found = OffsiteCopy.objects.filter(**query.conditions())
        return Response(page(found, query, request, "created_at", copy_body))


class CopyRetryView(IdempotentView):
    roles = {"POST": "manager"}
    idempotent = {"POST"}

    @extend_schema(request=None, responses=CopyBody)
    def post(self, request: Request, copy: UUID) -> Response:
        """Queue a dead copy again. A copy in another state is not changed."""
        found = OffsiteCopy.objects.get(pk=copy)
        queue.retry_dead(OffsiteCopy.objects.filter(pk=found.pk), actor(request))
        found.refresh_from_db()
        return Response(copy_body(found))
