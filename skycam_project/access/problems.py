"""Errors as `application/problem+json` (RFC 9457): the table of types, and which exception becomes which problem.

An exception that is not listed here propagates, is logged, and becomes `internal` without any detail.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any, TypedDict

import pydantic
from django.core import exceptions as django_errors
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.template.loader import get_template
from django.views import defaults
from rest_framework import exceptions as drf_errors
from rest_framework.views import set_rollback

from cameras.broker.broker import BrokerDown
from cameras.commands.control import ControlError
from cameras.leases.lease_holders import LeaseHeld
from cameras.live.snapshot_limiter import SnapshotLimitExceeded
from cameras.live.viewer_limits import LiveViewRefused
from cameras.presets.service import NoPreset
from cameras.selectors import NoPrimaryCamera
from cameras.viewers.service import ViewerNotFound
from captures.api import NoSession
from captures.camera_service import IdempotencyMismatch
from captures.capturing.outcomes import NotSaved
from captures.clips.bodies import hold_body
from captures.clips.services import ClipHeld
from captures.files.ranges import Unsatisfiable
from captures.files.serving import FileMissing, OnOtherHost
from captures.files.thumbnails import NoThumbnail, NotRenderedYet
from captures.selectors import UnknownCamera
from core.jobs.services import NotCancellable
from core.limits.wait_limiter import TooManyWaiting
from skycam_project.access.services import Denied
from skycam_project.access.sign_in_limits import TooManyAttempts

PROBLEMS = {
    "invalid": (400, "The request is not valid"),
    "not-signed-in": (401, "Sign in first"),
    "forbidden": (403, "You may not do this"),
    "not-found": (404, "There is no such thing"),
    "method-not-allowed": (405, "This cannot be done here"),
    "held": (409, "Held by someone else"),
    "busy": (409, "The camera is busy"),
    "not-recording": (409, "Not recording"),
    "session-ended": (409, "The session has ended"),
    "job-ended": (409, "The job has ended"),
    "no-primary-camera": (409, "No camera is the primary one"),
    "file-elsewhere": (409, "The file is on another host"),
    "too-large": (413, "The request is too large"),
    "unsupported-media-type": (415, "Send JSON"),
    "range": (416, "The range is beyond the end of the file"),
    "idempotency-mismatch": (422, "The Idempotency-Key was used for another request"),
    "rate-limited": (429, "Too many requests"),
    "internal": (500, "Something went wrong inside"),
    "capture-failed": (502, "The capture failed"),
    "camera-not-reachable": (503, "The camera cannot be reached"),
    "capture-skipped": (503, "The capture was skipped"),
    "host-down": (503, "The camera host does not answer"),
    "broker-down": (503, "The station's broker does not answer"),
    "database-down": (503, "The station's database does not answer"),
    "live-disabled": (503, "Live view is switched off"),
    "live-full": (503, "The limit of live views is reached"),
    "not-ready": (503, "It is not ready yet"),
    "too-busy": (503, "The station has too many requests"),
    "too-slow": (504, "No answer in time"),
    "disk-full": (507, "The disk is full"),
}
"""Type of problem -> status and title. The sentence in `detail` says what was refused."""


class ErrorBody(TypedDict):
    field: str
    message: str


class _Always(TypedDict):
    type: str
    title: str
    status: int
    detail: str
    instance: str


class ProblemBody(_Always, total=False):
    """Some types have more members; docs/api.md names them."""

    errors: list[ErrorBody]


@dataclass(frozen=True, slots=True)
class Problem:
    """`extensions` are extension members, such as the `capture` that failed."""

    type: str
    detail: str
    errors: list[ErrorBody] = field(default_factory=list)
    extensions: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self, instance: str) -> JsonResponse:
        status, title = PROBLEMS[self.type]
        body: dict[str, Any] = {
            "type": f"/problems/{self.type}",
            "title": title,
            "status": status,
            "detail": self.detail,
            "instance": instance,
        }
        if self.errors:
            body["errors"] = self.errors
        return JsonResponse(
            body | dict(self.extensions),
            status=status,
            content_type="application/problem+json",
            headers=dict(self.headers),
        )


def problem_handler(error: Exception, context: Mapping[str, Any]) -> HttpResponseBase | None:
    """DRF's exception handler. None for an unknown exception, which then propagates and is logged."""
    problem = problem_of(error)
    if problem is None:
        return None
    set_rollback()
    return problem.response(context["request"].path)


@singledispatch
def problem_of(_error: object) -> Problem | None:
    """The problem for an exception; None for an unknown one."""
    return None


# Bad input


def invalid(errors: list[ErrorBody]) -> Problem:
    first = errors[0]
    where = f"{first['field']}: " if first["field"] else ""
    more = f" And {len(errors) - 1} more, see errors." if len(errors) > 1 else ""
    return Problem("invalid", f"{where}{first['message']}{more}", errors)


@problem_of.register
def _(error: pydantic.ValidationError) -> Problem:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return invalid(
        [
            ErrorBody(field=".".join(map(str, item["loc"])), message=item["msg"].removeprefix("Value error, "))
            for item in found
        ]
    )


@problem_of.register
def _(error: django_errors.ValidationError) -> Problem:
    if not hasattr(error, "error_dict"):
        return invalid([ErrorBody(field="", message=message) for message in error.messages])
    fields = {("" if name == "__all__" else name): messages for name, messages in error.message_dict.items()}
    return invalid([ErrorBody(field=name, message=text) for name, messages in fields.items() for text in messages])


@problem_of.register
def _(error: drf_errors.ParseError) -> Problem:
    return invalid([ErrorBody(field="", message=str(error.detail))])


@problem_of.register
def _(error: UnknownCamera) -> Problem:
    return invalid([ErrorBody(field="camera", message=str(error))])


@problem_of.register
def _(error: NotCancellable) -> Problem:
    return Problem("job-ended", str(error))


@problem_of.register
def _(_: drf_errors.UnsupportedMediaType) -> Problem:
    return Problem("unsupported-media-type", "Send the body as application/json.")


# Authentication and permissions


@problem_of.register(drf_errors.NotAuthenticated)
@problem_of.register(drf_errors.AuthenticationFailed)
def _(error: drf_errors.APIException) -> Problem:
    detail = "Sign in, or send `Authorization: Token ...`; POST /api/v1/auth/token/ gives one."
    own = isinstance(error, drf_errors.AuthenticationFailed)
    return Problem("not-signed-in", str(error.detail) if own else detail, headers=_challenge(error))


@problem_of.register
def _(error: Denied) -> Problem:
    return Problem("not-signed-in", str(error), headers={"WWW-Authenticate": 'Token realm="Skycam"'})


def _challenge(error: Any) -> dict[str, str]:
    return {"WWW-Authenticate": getattr(error, "auth_header", 'Token realm="Skycam"')}


@problem_of.register(drf_errors.PermissionDenied)
@problem_of.register(django_errors.PermissionDenied)
def _(error: Exception) -> Problem:
    return Problem("forbidden", str(error) or "You may not do this.")


@problem_of.register
def _(error: drf_errors.Throttled) -> Problem:
    wait = int(getattr(error, "wait", None) or 60) + 1
    return Problem("rate-limited", f"Too many requests. Wait {wait} s.", headers={"Retry-After": str(wait)})


@problem_of.register
def _(error: TooManyAttempts) -> Problem:
    return Problem("rate-limited", str(error), headers={"Retry-After": str(error.wait_s)})


# Not found


@problem_of.register(drf_errors.NotFound)
@problem_of.register(Http404)
@problem_of.register(django_errors.ObjectDoesNotExist)
def _(_: Exception) -> Problem:
    return Problem("not-found", "There is nothing here, or nothing that you may see.")


@problem_of.register(NoPreset)
@problem_of.register(NoSession)
@problem_of.register(NoThumbnail)
@problem_of.register(ViewerNotFound)
@problem_of.register(FileMissing)
def _(error: Exception) -> Problem:
    return Problem("not-found", str(error))


@problem_of.register
def _(error: drf_errors.MethodNotAllowed) -> Problem:
    return Problem("method-not-allowed", str(error.detail))


@problem_of.register
def _(error: NoPrimaryCamera) -> Problem:
    return Problem("no-primary-camera", str(error))


@problem_of.register
def _(error: OnOtherHost) -> Problem:
    return Problem("file-elsewhere", str(error), extensions={"host": error.host})


@problem_of.register
def _(error: Unsatisfiable) -> Problem:
    return Problem("range", str(error), headers={"Content-Range": f"bytes */{error.size}"})


# Conflicts and outages


@problem_of.register
def _(error: LeaseHeld) -> Problem:
    """Another user's lease holds the camera, or its session forbids the command."""
    return Problem("held", error.detail, extensions=error.members)


@problem_of.register
def _(error: ClipHeld) -> Problem:
    """The clip has a hold, such as a pin."""
    return Problem("held", str(error), extensions={"holds": [hold_body(hold) for hold in error.holds]})


@problem_of.register
def _(error: IdempotencyMismatch) -> Problem:
    return Problem("idempotency-mismatch", str(error))


@problem_of.register
def _(error: NotSaved) -> Problem:
    capture = error.capture
    extensions = {"capture": str(capture.pk), "capture_status": capture.status, "reason": capture.reason}
    return Problem(known_type(error.problem), str(error), extensions=extensions)


@problem_of.register
def _(error: ControlError) -> Problem:
    return Problem(known_type(error.problem), error.detail, extensions={"reason": error.reason} if error.reason else {})


@problem_of.register
def _(error: NotRenderedYet) -> Problem:
    return Problem("not-ready", str(error), headers={"Retry-After": "2"})


@problem_of.register
def _(error: LiveViewRefused) -> Problem:
    if error.reason == "disabled":
        return Problem("live-disabled", str(error))
    return Problem("live-full", str(error), headers={"Retry-After": "5"})


@problem_of.register
def _(error: SnapshotLimitExceeded) -> Problem:
    return Problem("rate-limited", str(error), headers={"Retry-After": str(error.retry_s)})


@problem_of.register
def _(error: TooManyWaiting) -> Problem:
    return Problem("rate-limited", str(error), headers={"Retry-After": str(error.retry_s)})


@problem_of.register
def _(error: BrokerDown) -> Problem:
    return Problem("broker-down", str(error))


@problem_of.register(OperationalError)
@problem_of.register(InterfaceError)
def _(_: Exception) -> Problem:
    return Problem(
        "database-down",
        "The station's database is locked or away. Nothing was changed. Running sessions continue. Try again soon.",
        headers={"Retry-After": "5"},
    )


def known_type(name: str) -> str:
    """`name`, or a general type: a newer camera host may send types that are unknown here."""
    return name if name in PROBLEMS else "camera-not-reachable"


# Errors that Django handles outside API views


def is_api(path: str) -> bool:
    return path.startswith("/api/")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if not is_api(request.path):
        return defaults.bad_request(request, exception)
    if isinstance(exception, django_errors.RequestDataTooBig):
        return Problem("too-large", "The body is too large.").response(request.path)
    return invalid([ErrorBody(field="", message="This request is refused: see ALLOWED_HOSTS.")]).response(request.path)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if not is_api(request.path):
        return defaults.page_not_found(request, exception)
    return Problem("not-found", "There is no such address. /api/v1/docs/ lists them.").response(request.path)


def server_error(request: HttpRequest) -> HttpResponseBase:
    if not is_api(request.path):
        is_away = isinstance(sys.exception(), OperationalError | InterfaceError)
        return database_down_page() if is_away else defaults.server_error(request)
    return Problem("internal", "Something went wrong inside; the station's log says what.").response(request.path)


def database_down_page() -> HttpResponse:
    """A page that needs no database."""
    return HttpResponse(get_template("503.html").render(), status=503, headers={"Retry-After": "5"})
