"""What went wrong, in the form in which the service has always said it: `{"detail": ...}`.

Bad values are 422 with `detail: [{loc, msg, type}]`; a camera that is away is 503 `Camera not connected`, and `why`
says more.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from typing import Any

import pydantic
from django.core import exceptions as django_errors
from django.db import InterfaceError, OperationalError
from django.http import HttpResponse

from cameras.broker import BrokerDown
from cameras.control import ControlError
from cameras.live.viewer_limits import LiveViewRefused
from captures.outcomes import NotSaved
from captures.pixelink_service.bodies import Body, Invalid, Refused, ValidationItem
from captures.pixelink_service.served import NotConnected

CAMERA_AWAY = "Camera not connected"
DATABASE_AWAY = "The station's database does not answer. Pictures that were taken are safe on the disk."
AWAY = frozenset({"camera-not-reachable", "host-down"})
"""Types of problem that mean: the camera is not there."""
STATUS_OF = {"too-slow": 504, "disk-full": 507}
"""Type of problem -> status; every other is 503."""


class BadBody(Exception):
    """The body is no JSON object of the route's form."""

    def __init__(self, *errors: ValidationItem) -> None:
        super().__init__("The request is not valid.")
        self.errors = list(errors)


class TooSlow(Exception):
    """A capture was not answered in time; it still ends with an outcome."""


class TooMany(Exception):
    """So many captures wait already that one more is refused."""


def answer(body: Body, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    return HttpResponse(body.model_dump_json(), "application/json", status, headers=dict(headers or {}))


def refused(status: int, detail: str, why: str | None = None, headers: Mapping[str, str] | None = None) -> HttpResponse:
    text = Refused(detail=detail, why=why).model_dump_json(exclude_none=True)
    return HttpResponse(text, "application/json", status, headers=dict(headers or {}))


@singledispatch
def answer_of(_error: object) -> HttpResponse | None:
    """The answer that tells of an exception; None for what is not known: it is logged, and answered with 500."""
    return None


@answer_of.register
def _(error: BadBody) -> HttpResponse:
    return answer(Invalid(detail=error.errors), 422)


@answer_of.register
def _(error: django_errors.ValidationError) -> HttpResponse:
    """Of the driver's own settings; each message begins with the name of one."""
    return answer(Invalid(detail=[_item(message) for message in error.messages]), 422)


def _item(message: str) -> ValidationItem:
    name, _, text = message.rpartition(": ")
    return ValidationItem(loc=["body", {"exposure_us": "exposure"}.get(name, name)], msg=text, type="value_error")


@answer_of.register
def _(error: NotConnected) -> HttpResponse:
    return refused(503, CAMERA_AWAY, str(error))


@answer_of.register
def _(error: ControlError) -> HttpResponse:
    return of_problem(error.problem, error.detail)


@answer_of.register
def _(error: NotSaved) -> HttpResponse:
    return of_problem(error.problem, str(error))


@answer_of.register(BrokerDown)
@answer_of.register(LiveViewRefused)
@answer_of.register(TooMany)
def _(error: Exception) -> HttpResponse:
    return refused(503, str(error))


@answer_of.register
def _(error: TooSlow) -> HttpResponse:
    return refused(504, str(error))


@answer_of.register(OperationalError)
@answer_of.register(InterfaceError)
def _(_error: Exception) -> HttpResponse:
    return refused(503, DATABASE_AWAY)


def of_problem(problem: str, sentence: str) -> HttpResponse:
    """A problem of the station's, such as `held`, whose sentence names the holder."""
    if problem in AWAY:
        return refused(503, CAMERA_AWAY, sentence)
    return refused(STATUS_OF.get(problem, 503), sentence)


def items_of(error: pydantic.ValidationError, place: str) -> list[ValidationItem]:
    """As FastAPI says it; `place` is `body` or `query`."""
    return [
        ValidationItem(loc=[place, *item["loc"]], msg=item["msg"].removeprefix("Value error, "), type=item["type"])
        for item in error.errors(include_url=False, include_input=False, include_context=False)
    ]


def not_found(*_: Any, **__: Any) -> HttpResponse:
    return refused(404, "Not Found")


def bad_request(*_: Any, **__: Any) -> HttpResponse:
    return refused(400, "Bad Request")


def server_error(*_: Any) -> HttpResponse:
    return refused(500, "Internal Server Error")


def too_busy(_path: str) -> HttpResponse:
    return refused(503, "Too many requests at a time", headers={"Retry-After": "2"})


def too_large(_path: str) -> HttpResponse:
    return refused(413, "Request body too large")
