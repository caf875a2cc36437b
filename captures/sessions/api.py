"""The routes of sessions: start, stop, pause, resume, hand over, list, show."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cameras.camera_view import CameraView, actor
from cameras.visibility import camera_condition
from captures.sessions.answers import ForecastBody, SessionBody, SessionPage, StartedBody
from captures.sessions.forecast import forecast
from captures.sessions.handover import HandOverBody, hand_over
from captures.sessions.models import Session
from captures.sessions.queries import SessionQuery, StartBody, StopBody
from captures.sessions.selectors import active_session, sessions_for
from captures.sessions.service import SessionService
from core.api.paging import page
from core.idempotency.view import IdempotentView
from core.resources.answers import body_of


class NoSession(Exception):
    """Nothing to stop."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"No session runs on {slug}.")


class StartView(IdempotentView, CameraView):
    roles = {"POST": "operator"}
    idempotent = {"POST"}
    body: type[StartBody] = StartBody

    @extend_schema(request=StartBody, responses={200: ForecastBody, 201: StartedBody})
    def post(self, request: Request, slug: str = "") -> Response:
        """Start a session: 201 with its `forecast`; with `dry_run`, 200 with the forecast only."""
        wanted, camera = self.body.model_validate(request.data), self.camera()
        expected = body_of(ForecastBody, forecast(camera, wanted))
        if wanted.dry_run:
            return Response(expected)
        session = SessionService(actor(request)).start(camera, wanted, new_id=self.reserved_id)
        body = {**body_of(SessionBody, session), "forecast": expected}
        return Response(body, 201, headers={"Location": f"/api/v1/sessions/{session.pk}/"})


class StopView(IdempotentView, CameraView):
    """Stop the session that runs on the camera; answers when its host has stopped it. 409 `recording-claimed` while it
    takes the stills of an experiment, unless `experiments` says what happens to that."""

    roles = {"POST": "operator"}
    idempotent = {"POST"}

    @extend_schema(request=StopBody, responses=SessionBody)
    def post(self, request: Request, slug: str = "") -> Response:
        camera, wanted = self.camera(), StopBody.model_validate(request.data)
        session = active_session(camera)
        if session is None:
            raise NoSession(camera.slug)
        return Response(body_of(SessionBody, SessionService(actor(request)).stop(session, wanted.experiments)))


class SessionsView(APIView):
    """Sessions, newest first."""

    roles = {"GET": "viewer"}

    @extend_schema(operation_id="sessions_list", parameters=SessionQuery.parameters(), responses=SessionPage)
    def get(self, request: Request) -> Response:
        query: SessionQuery = SessionQuery.of(request)
        conditions = camera_condition(request.user, query.camera) | query.conditions()
        sessions = sessions_for(request.user).filter(**conditions)
        return Response(page(sessions, query, request, "created_at", lambda one: body_of(SessionBody, one)))


class SessionView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(responses=SessionBody)
    def get(self, request: Request, session: UUID) -> Response:
        return Response(body_of(SessionBody, sessions_for(request.user).get(pk=session)))


class SessionStopView(IdempotentView):
    """Stop the session. A session that has ended already is returned unchanged. 409 `recording-claimed` while it takes
    the stills of an experiment, unless `experiments` says what happens to that."""

    roles = {"POST": "operator"}
    idempotent = {"POST"}

    @extend_schema(request=StopBody, responses=SessionBody)
    def post(self, request: Request, session: UUID) -> Response:
        found: Session = sessions_for(request.user).get(pk=session)
        wanted = StopBody.model_validate(request.data)
        return Response(body_of(SessionBody, SessionService(actor(request)).stop(found, wanted.experiments)))


class SessionHandOverView(IdempotentView):
    """Hand the session over to another user, who holds the camera then. The session goes on."""

    roles = {"POST": "operator"}
    idempotent = {"POST"}

    @extend_schema(request=HandOverBody, responses=SessionBody)
    def post(self, request: Request, session: UUID) -> Response:
        found: Session = sessions_for(request.user).get(pk=session)
        wanted = HandOverBody.model_validate(request.data)
        return Response(body_of(SessionBody, hand_over(found, wanted.to, actor(request))))


class SessionPauseView(IdempotentView):
    """Pause the session until it is resumed. A running capture ends first."""

    roles = {"POST": "operator"}
    idempotent = {"POST"}

    @extend_schema(request=None, responses=SessionBody)
    def post(self, request: Request, session: UUID) -> Response:
        found: Session = sessions_for(request.user).get(pk=session)
        return Response(body_of(SessionBody, SessionService(actor(request)).pause(found)))


class SessionResumeView(IdempotentView):
    """Resume a paused session."""

    roles = {"POST": "operator"}
    idempotent = {"POST"}

    @extend_schema(request=None, responses=SessionBody)
    def post(self, request: Request, session: UUID) -> Response:
        found: Session = sessions_for(request.user).get(pk=session)
        return Response(body_of(SessionBody, SessionService(actor(request)).resume(found)))
