"""The routes: parse, call, answer. Each runs on its request's thread; what goes wrong rises to the gate."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeVar, cast

import pydantic
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from cameras import services
from cameras.broker import BrokerDown
from cameras.live.mjpeg import CONTENT_TYPE, stream_parts
from captures.pixelink_service import feed, pictures
from captures.pixelink_service.bodies import Health, Unhealthy, ValidationItem
from captures.pixelink_service.errors import DATABASE_AWAY, BadBody, answer, items_of
from captures.pixelink_service.ranges import within_ranges
from captures.pixelink_service.readback import Told, not_yet_applied, note, settings_body
from captures.pixelink_service.requests import CaptureOptions, FeedQuery, ListQuery, SettingsUpdate
from captures.pixelink_service.route import Route
from captures.pixelink_service.served import (
    ACTOR,
    NotConnected,
    check_connected,
    is_connected,
    observed,
    served_camera,
)
from captures.requests import CaptureRequest
from monitoring.bodies import stamp

Model = TypeVar("Model", bound=pydantic.BaseModel)
NOT_KEPT = {"Cache-Control": "no-store"}
MISSING = ValidationItem(loc=["body"], msg="Field required", type="missing")


def body_of(request: HttpRequest, model: type[Model]) -> Model:
    """BadBody, in FastAPI's words."""
    if not request.body:
        raise BadBody(MISSING)
    try:
        return model.model_validate_json(request.body)
    except pydantic.ValidationError as error:
        raise BadBody(*items_of(error, "body")) from None


def query_of(request: HttpRequest, model: type[Model]) -> Model:
    try:
        return model.model_validate(request.GET.dict())
    except pydantic.ValidationError as error:
        raise BadBody(*items_of(error, "query")) from None


class HealthRoute(Route):
    def get(self, _request: HttpRequest) -> HttpResponse:
        """Whether the service works, and whether its camera can be used."""
        try:
            connected = is_connected(observed(served_camera()))
        except NotConnected:
            connected = False
        except BrokerDown as error:
            return unhealthy(str(error))
        except (OperationalError, InterfaceError):
            return unhealthy(DATABASE_AWAY)
        return answer(Health(status="healthy", camera_connected=connected, timestamp=now()))


def unhealthy(detail: str) -> HttpResponse:
    return answer(Unhealthy(status="unhealthy", camera_connected=False, timestamp=now(), detail=detail), 503)


def now() -> str:
    return stamp(datetime.now(UTC))


class SettingsRoute(Route):
    def get(self, _request: HttpRequest) -> HttpResponse:
        """As last read back; the camera is not asked."""
        camera = served_camera()
        return answer(settings_body(camera, observed(camera)))

    def put(self, request: HttpRequest) -> HttpResponse:
        """Wish these from now on; what the camera has then, and what it refused."""
        wanted = body_of(request, SettingsUpdate).settings()
        camera = served_camera()
        check_connected(camera)
        taken, kept = within_ranges(camera, wanted)
        told = cast(Told, services.set_settings(camera, taken, ACTOR))
        note(camera, told)
        return answer(settings_body(camera, observed(camera), [*kept, *told["warnings"]]))


class CaptureRoute(Route):
    def post(self, request: HttpRequest) -> HttpResponse:
        """One picture, saved and in the ledger."""
        wanted = body_of(request, CaptureOptions).settings()
        camera = served_camera()
        taken, kept = within_ranges(camera, wanted)
        outcome = pictures.take(camera, CaptureRequest(**(not_yet_applied(camera) | taken)))
        return answer(pictures.captured_body(outcome, kept))


class ListRoute(Route):
    def get(self, request: HttpRequest) -> HttpResponse:
        """The pictures that the service has saved."""
        query = query_of(request, ListQuery)
        return answer(pictures.listed(served_camera(), query.limit))


class FeedRoute(Route):
    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Live pictures as one endless answer. It ends when the pictures do."""
        quality = query_of(request, FeedQuery).quality
        camera = served_camera()
        check_connected(camera)
        feed.check_pictures(camera, quality)
        if request.method == "HEAD":
            return HttpResponse(content_type=CONTENT_TYPE, headers=NOT_KEPT)
        place = feed.place(camera, quality, request.META.get("REMOTE_ADDR") or "")
        return StreamingHttpResponse(stream_parts(place), content_type=CONTENT_TYPE, headers=NOT_KEPT)
