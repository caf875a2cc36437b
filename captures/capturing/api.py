"""The routes of captures: take one, list, count by day."""

from __future__ import annotations

from functools import partial

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cameras.camera_view import CameraView, actor
from cameras.visibility import camera_condition
from captures.capturing.answers import Calendar, CaptureBody, CapturePage
from captures.capturing.outcomes import check_saved
from captures.capturing.queries import CalendarQuery, CaptureQuery
from captures.capturing.requests import CaptureRequest
from captures.capturing.selectors import captures_for, counts_by_day
from captures.capturing.service import CaptureService
from core.api.paging import page
from core.idempotency.view import IdempotentView
from core.resources.answers import body_of


class CaptureView(IdempotentView, CameraView):
    roles = {"POST": "operator"}
    idempotent = {"POST"}
    # A repetition shows the capture of the first request, which may run for minutes.
    runs_beside_itself = True

    @extend_schema(
        request=CaptureRequest,
        responses={201: CaptureBody, 202: CaptureBody},
        parameters=[
            OpenApiParameter("Prefer", str, OpenApiParameter.HEADER, description="respond-async: 202 at once."),
        ],
    )
    def post(self, request: Request, slug: str = "") -> Response:
        """Take one picture: 201 when it is saved, 202 when it has no outcome in time."""
        wanted = CaptureRequest.model_validate(request.data)
        wait = "respond-async" not in request.headers.get("Prefer", "").lower()
        outcome = CaptureService(actor(request)).capture(self.camera(), wanted, new_id=self.reserved_id, wait=wait)
        check_saved(outcome)
        headers = {"Location": outcome.capture.url} | ({} if wait else {"Preference-Applied": "respond-async"})
        return Response(body_of(CaptureBody, outcome.capture), 202 if outcome.pending else 201, headers=headers)


class CapturesView(APIView):
    """Captures, newest first."""

    roles = {"GET": "viewer"}

    @extend_schema(operation_id="captures_list", parameters=CaptureQuery.parameters(), responses=CapturePage)
    def get(self, request: Request) -> Response:
        query: CaptureQuery = CaptureQuery.of(request)
        conditions = camera_condition(request.user, query.camera) | query.conditions() | query.within("started_at")
        captures = captures_for(request.user).filter(**conditions)
        return Response(page(captures, query, request, "started_at", partial(body_of, CaptureBody)))


class CalendarView(APIView):
    """The number of captures of each day. Days without captures are left out."""

    roles = {"GET": "viewer"}

    @extend_schema(parameters=CalendarQuery.parameters(), responses=Calendar)
    def get(self, request: Request) -> Response:
        query = CalendarQuery.of(request)
        conditions = camera_condition(request.user, query.camera) | ({"status": query.status} if query.status else {})
        captures = captures_for(request.user).filter(**conditions)
        return Response({"tz": query.tz, "results": counts_by_day(captures, query.days(), query.zone)})
