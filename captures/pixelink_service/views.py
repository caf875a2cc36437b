"""The HTTP service on port 8001 for existing PixeLink clients: the routes, keys and units of the service it replaces.
A route parses, calls and answers; exceptions become responses in `AccessMiddleware.process_exception`. Captures go
through `CaptureService` like all others; nothing here opens a camera."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import pydantic
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from cameras.live.mjpeg import CONTENT_TYPE, MjpegStream, open_stream, stream_parts
from cameras.live.snapshot_limiter import has_pictures
from cameras.models import Camera
from cameras.settings.service import set_settings
from captures.capturing.requests import CaptureRequest
from captures.pixelink_service.bodies import (
    CaptureOptions,
    FeedQuery,
    Health,
    ListQuery,
    SettingsUpdate,
    Unhealthy,
    ValidationItem,
)
from captures.pixelink_service.captures import captured_body, list_captures, take_capture
from captures.pixelink_service.errors import DATABASE_DOWN, BadBody, Route, json_response, validation_items
from captures.pixelink_service.served_camera import (
    ACTOR,
    ConfigureAnswer,
    NotConnected,
    check_connected,
    is_connected,
    not_yet_applied,
    read_status,
    record_answer,
    served_camera,
    settings_body,
    within_ranges,
)
from core.broker.broker import BrokerDown
from core.outages import DATABASE_AWAY
from core.times.timestamps import stamp

Model = TypeVar("Model", bound=pydantic.BaseModel)
NO_STORE = {"Cache-Control": "no-store"}
MISSING = ValidationItem(loc=["body"], msg="Field required", type="missing")


def body_of(request: HttpRequest, model: type[Model]) -> Model:
    """BadBody, with errors in FastAPI's form."""
    if not request.body:
        raise BadBody(MISSING)
    try:
        return model.model_validate_json(request.body)
    except pydantic.ValidationError as error:
        raise BadBody(*validation_items(error, "body")) from None


def query_of(request: HttpRequest, model: type[Model]) -> Model:
    try:
        return model.model_validate(request.GET.dict())
    except pydantic.ValidationError as error:
        raise BadBody(*validation_items(error, "query")) from None


class HealthRoute(Route):
    def get(self, _request: HttpRequest) -> HttpResponse:
        """Whether the service works, and whether its camera can be used."""
        try:
            connected = is_connected(read_status(served_camera()))
        except NotConnected:
            # 503 is only for what the service itself needs: broker and database.
            connected = False
        except BrokerDown as error:
            return unhealthy(str(error))
        except DATABASE_AWAY:
            return unhealthy(DATABASE_DOWN)
        return json_response(Health(status="healthy", camera_connected=connected, timestamp=now()))


def unhealthy(detail: str) -> HttpResponse:
    return json_response(Unhealthy(status="unhealthy", camera_connected=False, timestamp=now(), detail=detail), 503)


def now() -> str:
    return stamp(datetime.now(UTC))


class SettingsRoute(Route):
    def get(self, _request: HttpRequest) -> HttpResponse:
        """The settings as last read back; the camera is not read."""
        camera = served_camera()
        return json_response(settings_body(camera, read_status(camera)))

    def put(self, request: HttpRequest) -> HttpResponse:
        """Change the camera's settings; answers with its new settings and a warning for each refused value."""
        wanted = body_of(request, SettingsUpdate).settings()
        camera = served_camera()
        # set_settings() would store the values for later; existing clients rely on 503.
        check_connected(camera)
        accepted, warnings = within_ranges(camera, wanted)
        configured = cast(ConfigureAnswer, set_settings(camera, accepted, ACTOR))
        record_answer(camera, configured)
        return json_response(settings_body(camera, read_status(camera), [*warnings, *configured["warnings"]]))


class CaptureRoute(Route):
    def post(self, request: HttpRequest) -> HttpResponse:
        """Take one picture; it is saved and recorded as a capture."""
        wanted = body_of(request, CaptureOptions).settings()
        camera = served_camera()
        accepted, warnings = within_ranges(camera, wanted)
        outcome = take_capture(camera, CaptureRequest(**(not_yet_applied(camera) | accepted)))
        return json_response(captured_body(outcome, warnings))


class ListRoute(Route):
    def get(self, request: HttpRequest) -> HttpResponse:
        """The files that the service has saved."""
        query = query_of(request, ListQuery)
        return json_response(list_captures(served_camera(), query.limit))


class FeedRoute(Route):
    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Live pictures as MJPEG. The response ends when the pictures do."""
        quality = query_of(request, FeedQuery).quality
        camera = served_camera()
        check_connected(camera)
        # Before the stream: once it has begun, its status cannot be changed.
        check_pictures(camera, quality)
        # Django calls get() for HEAD: the stream would count as a viewer, and its response would not end.
        if request.method == "HEAD":
            return HttpResponse(content_type=CONTENT_TYPE, headers=NO_STORE)
        stream = open_feed(camera, quality, request.META.get("REMOTE_ADDR") or "")
        return StreamingHttpResponse(stream_parts(stream), content_type=CONTENT_TYPE, headers=NO_STORE)


FIRST_WAIT_S = 3.0


class ServiceUser:
    """Takes the place of a user: the service has none. It may see the stream for as long as the camera exists."""

    is_authenticated = True

    def get_username(self) -> str:
        return ACTOR

    def may(self, _role: str) -> bool:
        return True


class ServicePrincipal:
    """All clients of the service, as one principal of `cameras.sockets.access`. They send no Origin."""

    needs_origin = False

    def user(self) -> Any:
        return ServiceUser()


SERVICE_PRINCIPAL = ServicePrincipal()


def check_pictures(camera: Camera, quality: str) -> None:
    """NotConnected when no picture arrives in FIRST_WAIT_S; BrokerDown; LiveViewRefused when live view is switched
    off."""
    if not has_pictures(camera.slug, quality, FIRST_WAIT_S):
        raise NotConnected(f"{camera.slug} delivered no picture within {FIRST_WAIT_S:g} s.")


def open_feed(camera: Camera, quality: str, remote: str) -> MjpegStream:
    """Register one more viewer. LiveViewRefused when the limit of viewers is reached."""
    return open_stream(camera.slug, quality, SERVICE_PRINCIPAL, ACTOR, remote)
