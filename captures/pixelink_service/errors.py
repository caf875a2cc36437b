"""Error responses in the form that existing PixeLink clients expect: `{"detail": ...}`. Invalid values are 422 with
`detail: [{loc, msg, type}]`; a camera that is not connected is 503 `Camera not connected`, with the cause in `why`; a
method that a route lacks is 405 with the methods it has."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from typing import Any

import pydantic
from django.core import exceptions as django_errors
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.views import View

from cameras.errors import ControlError
from cameras.live.viewer_registry import LiveViewRefused
from cameras.models import Camera
from captures.capturing.outcomes import NotSaved
from captures.pixelink_service.bodies import Body, Invalid, Refused, ValidationItem
from captures.pixelink_service.served_camera import NotConnected
from core.broker.broker import BrokerDown

NOT_CONNECTED = "Camera not connected"
DATABASE_DOWN = "The station's database does not answer. Pictures that were taken are safe on the disk."
NOT_CONNECTED_PROBLEMS = frozenset({"camera-not-reachable", "host-down"})
"""Types of problem that mean: the camera is not connected."""
STATUS_OF = {"too-slow": 504, "disk-full": 507}
"""Type of problem -> status; every other type is 503."""


class BadBody(Exception):
    """The body or the query does not match the route's model."""

    def __init__(self, *errors: ValidationItem) -> None:
        super().__init__("The request is not valid.")
        self.errors = list(errors)


class TooSlow(Exception):
    """A capture has no outcome in time; it still ends with one."""


class RemotePicture(Exception):
    """A capture was saved with references only, and this service answers with a file."""


class TooMany(Exception):
    """The limit of waiting captures is reached."""


def json_response(body: Body, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    return HttpResponse(body.model_dump_json(), "application/json", status, headers=dict(headers or {}))


def error_response(
    status: int, detail: str, why: str | None = None, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    text = Refused(detail=detail, why=why).model_dump_json(exclude_none=True)
    return HttpResponse(text, "application/json", status, headers=dict(headers or {}))


@singledispatch
def response_for(_error: object) -> HttpResponse | None:
    """The response for an exception; None for an unknown one, which is logged and answered with 500."""
    return None


@response_for.register
def _(error: BadBody) -> HttpResponse:
    return json_response(Invalid(detail=error.errors), 422)


@response_for.register
def _(error: django_errors.ValidationError) -> HttpResponse:
    """Raised for a driver's settings; each message begins with the name of a setting."""
    return json_response(Invalid(detail=[_item(message) for message in error.messages]), 422)


def _item(message: str) -> ValidationItem:
    name, _, text = message.rpartition(": ")
    return ValidationItem(loc=["body", {"exposure_us": "exposure"}.get(name, name)], msg=text, type="value_error")


@response_for.register
def _(error: NotConnected) -> HttpResponse:
    return error_response(503, NOT_CONNECTED, str(error))


@response_for.register
def _(_error: Camera.DoesNotExist) -> HttpResponse:
    return error_response(503, NOT_CONNECTED, "The camera was removed.")


@response_for.register
def _(error: ControlError) -> HttpResponse:
    return problem_response(error.problem, error.detail)


@response_for.register
def _(error: NotSaved) -> HttpResponse:
    return problem_response(error.problem, str(error))


@response_for.register(BrokerDown)
@response_for.register(LiveViewRefused)
@response_for.register(TooMany)
@response_for.register(RemotePicture)
def _(error: Exception) -> HttpResponse:
    return error_response(503, str(error))


@response_for.register
def _(error: TooSlow) -> HttpResponse:
    return error_response(504, str(error))


@response_for.register(InterfaceError)
@response_for.register(OperationalError)
@response_for.register(InternalError)
def _(_error: Exception) -> HttpResponse:
    return error_response(503, DATABASE_DOWN)


def problem_response(problem: str, message: str) -> HttpResponse:
    """The response for a problem type of the station, such as `held`, whose message names the holder."""
    if problem in NOT_CONNECTED_PROBLEMS:
        return error_response(503, NOT_CONNECTED, message)
    return error_response(STATUS_OF.get(problem, 503), message)


def validation_items(error: pydantic.ValidationError, place: str) -> list[ValidationItem]:
    """The errors in FastAPI's form; `place` is `body` or `query`."""
    return [
        ValidationItem(loc=[place, *item["loc"]], msg=item["msg"].removeprefix("Value error, "), type=item["type"])
        for item in error.errors(include_url=False, include_input=False, include_context=False)
    ]


def not_found(*_: Any, **__: Any) -> HttpResponse:
    return error_response(404, "Not Found")


def bad_request(*_: Any, **__: Any) -> HttpResponse:
    return error_response(400, "Bad Request")


def server_error(*_: Any) -> HttpResponse:
    return error_response(500, "Internal Server Error")


def too_busy(_path: str) -> HttpResponse:
    return error_response(503, "Too many requests at a time", headers={"Retry-After": "2"})


def too_large(_path: str) -> HttpResponse:
    return error_response(413, "Request body too large")


class Route(View):
    def http_method_not_allowed(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        allowed = [name.upper() for name in self.http_method_names if hasattr(self, name)]
        return error_response(405, "Method Not Allowed", headers={"Allow": ", ".join(allowed)})
