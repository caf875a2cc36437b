"""The API of sessions, and its bodies and queries."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from pydantic import ConfigDict, Field, model_validator
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cameras.camera_view import CameraView, actor
from cameras.resource import CameraFilter
from cameras.selectors import camera_condition
from captures.sessions.answers import ForecastBody, SessionBody, SessionPage, StartedBody
from captures.sessions.forecast import forecast
from captures.sessions.models import Session, SessionState
from captures.sessions.requests import SessionRequest
from captures.sessions.selectors import active_session, sessions_for
from captures.sessions.service import Experiments, HandOverBody, SessionService, hand_over
from core.api.model import StrictModel
from core.api.paging import page
from core.api.queries import PageQuery
from core.idempotency.view import IdempotentView
from core.resources.resource import body_of

Seconds = Annotated[float, Field(gt=0, le=3600)]


class StartBody(SessionRequest):
    """Give the exposure in microseconds (`exposure_us`) or in seconds (`exposure_s`)."""

    # Excluded from the dump: `programme()` holds only what the camera process knows.
    exposure_s: Annotated[Seconds | None, Field(exclude=True)] = None
    dry_run: Annotated[bool, Field(exclude=True, description="Only return the forecast.")] = False

    @model_validator(mode="before")
    @classmethod
    def _read_seconds(cls, given: Any) -> Any:
        return _in_microseconds(given, "exposure_s")


class SeedStartBody(StartBody):
    """Also accepts the seed's names `exposure` and `delay`, in seconds."""

    exposure: Annotated[Seconds | None, Field(exclude=True)] = None
    delay: Annotated[float | None, Field(ge=0, le=86_400, exclude=True)] = None

    @model_validator(mode="before")
    @classmethod
    def _read_seed_names(cls, given: Any) -> Any:
        given = _in_microseconds(given, "exposure")
        if not isinstance(given, dict) or given.get("delay") is None:
            return given
        if given.get("delay_s") is not None:
            raise ValueError("Give `delay` or `delay_s`, not both.")
        return {**given, "delay_s": given["delay"]}


def _in_microseconds(given: Any, name: str) -> Any:
    """Adds `exposure_us` for a time in seconds. Seconds that are not a valid number are left to their own field's
    validation."""
    seconds = given.get(name) if isinstance(given, dict) else None
    # bool is a subclass of int: true would be an exposure of 1 s.
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= 3600:
        return given
    if given.get("exposure_us") is not None:
        raise ValueError(f"Give the exposure once: `{name}` or another, not both.")
    return {**given, "exposure_us": max(1, round(seconds * 1e6))}


class SessionQuery(PageQuery):
    camera: CameraFilter = None
    state: SessionState | None = None


class StopBody(StrictModel):
    # Programs that stop sessions have always been free to send other keys, which mean nothing.
    model_config = ConfigDict(extra="ignore")

    experiments: Annotated[
        Experiments,
        Field(
            description="What happens to experiments whose stills the session takes. `ask`: the request is refused and "
            "names them; `suspend`: it stops, and their account shows the gap."
        ),
    ] = "ask"


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
