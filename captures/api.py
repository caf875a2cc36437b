from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cameras.camera_view import CameraView, actor
from captures.bodies import CaptureBody, SessionBody, capture_body, capture_url, session_body, session_url
from captures.camera_service import CameraService
from captures.capturing.models import Capture
from captures.capturing.outcomes import check_saved
from captures.capturing.requests import CaptureRequest
from captures.selectors import camera_condition, captures_for, counts_by_day, sessions_for
from captures.serializers import (
    IDEMPOTENCY_KEY,
    Calendar,
    CalendarQuery,
    CapturePage,
    CaptureQuery,
    SessionPage,
    SessionQuery,
    StartBody,
)
from captures.sessions.forecast import ForecastBody, StartedBody, forecast, forecast_body
from captures.sessions.models import Session
from captures.sessions.session_commands import active_session
from core.api.paging import page


class NoSession(Exception):
    """Nothing to stop."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"No session runs on {slug}.")


class CaptureView(CameraView):
    roles = {"POST": "operator"}

    @extend_schema(
        request=CaptureRequest,
        responses={201: CaptureBody, 202: CaptureBody},
        parameters=[
            OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER),
            OpenApiParameter("Prefer", str, OpenApiParameter.HEADER, description="respond-async: 202 at once."),
        ],
    )
    def post(self, request: Request, slug: str = "") -> Response:
        """Take one picture: 201 when it is saved, 202 when it has no outcome in time."""
        wanted = CaptureRequest.model_validate(request.data)
        key = IDEMPOTENCY_KEY.validate_python(request.headers.get("Idempotency-Key", ""))
        wait = "respond-async" not in request.headers.get("Prefer", "").lower()
        outcome = CameraService(actor(request)).capture(self.camera(), wanted, key=key, wait=wait)
        check_saved(outcome)
        headers = {"Location": capture_url(outcome.capture.pk)} | (
            {} if wait else {"Preference-Applied": "respond-async"}
        )
        return Response(capture_body(outcome.capture, outcome.files), 202 if outcome.pending else 201, headers=headers)


class StartView(CameraView):
    roles = {"POST": "operator"}
    body: type[StartBody] = StartBody

    @extend_schema(request=StartBody, responses={200: ForecastBody, 201: StartedBody})
    def post(self, request: Request, slug: str = "") -> Response:
        """Start a session: 201 with its `forecast`; with `dry_run`, 200 with the forecast only."""
        wanted, camera = self.body.model_validate(request.data), self.camera()
        expected = forecast_body(forecast(camera, wanted))
        if wanted.dry_run:
            return Response(expected)
        session = CameraService(actor(request)).start_session(camera, wanted)
        body = StartedBody(**session_body(session), forecast=expected)
        return Response(body, 201, headers={"Location": session_url(session.pk)})


class StopView(CameraView):
    """Stop the session that runs on the camera; answers when its host has stopped it."""

    roles = {"POST": "operator"}

    @extend_schema(request=None, responses=SessionBody)
    def post(self, request: Request, slug: str = "") -> Response:
        camera = self.camera()
        session = active_session(camera)
        if session is None:
            raise NoSession(camera.slug)
        return Response(session_body(CameraService(actor(request)).stop_session(session)))


class SessionsView(APIView):
    """Sessions, newest first."""

    roles = {"GET": "viewer"}

    @extend_schema(operation_id="sessions_list", parameters=SessionQuery.parameters(), responses=SessionPage)
    def get(self, request: Request) -> Response:
        query = SessionQuery.of(request)
        conditions = camera_condition(request.user, query.camera) | ({"state": query.state} if query.state else {})
        sessions = sessions_for(request.user).filter(**conditions)
        return Response(page(sessions, query, request, "created_at", session_body))


class SessionView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(responses=SessionBody)
    def get(self, request: Request, session: UUID) -> Response:
        return Response(session_body(sessions_for(request.user).get(pk=session)))


class SessionStopView(APIView):
    """Stop the session. A session that has ended already is returned unchanged."""

    roles = {"POST": "operator"}

    @extend_schema(request=None, responses=SessionBody)
    def post(self, request: Request, session: UUID) -> Response:
        found: Session = sessions_for(request.user).get(pk=session)
        return Response(session_body(CameraService(actor(request)).stop_session(found)))


class SessionPauseView(APIView):
    """Pause the session until it is resumed. A running capture ends first."""

    roles = {"POST": "operator"}

    @extend_schema(request=None, responses=SessionBody)
    def post(self, request: Request, session: UUID) -> Response:
        found: Session = sessions_for(request.user).get(pk=session)
        return Response(session_body(CameraService(actor(request)).pause_session(found)))


class SessionResumeView(APIView):
    """Resume a paused session."""

    roles = {"POST": "operator"}

    @extend_schema(request=None, responses=SessionBody)
    def post(self, request: Request, session: UUID) -> Response:
        found: Session = sessions_for(request.user).get(pk=session)
        return Response(session_body(CameraService(actor(request)).resume_session(found)))


class CapturesView(APIView):
    """Captures, newest first."""

    roles = {"GET": "viewer"}

    @extend_schema(operation_id="captures_list", parameters=CaptureQuery.parameters(), responses=CapturePage)
    def get(self, request: Request) -> Response:
        query = CaptureQuery.of(request)
        conditions = camera_condition(request.user, query.camera) | query.conditions()
        return Response(
            page(captures_for(request.user).filter(**conditions), query, request, "started_at", capture_body)
        )


class CaptureDetailView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(responses=CaptureBody)
    def get(self, request: Request, capture: UUID) -> Response:
        found: Capture = captures_for(request.user).get(pk=capture)
        return Response(capture_body(found))


class CalendarView(APIView):
    """The number of captures of each day. Days without captures are left out."""

    roles = {"GET": "viewer"}

    @extend_schema(parameters=CalendarQuery.parameters(), responses=Calendar)
    def get(self, request: Request) -> Response:
        query = CalendarQuery.of(request)
        conditions = camera_condition(request.user, query.camera) | ({"status": query.status} if query.status else {})
        captures = captures_for(request.user).filter(**conditions)
        return Response({"tz": query.tz, "results": counts_by_day(captures, query.days(), query.zone)})
