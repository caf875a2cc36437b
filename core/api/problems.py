"""Errors as `application/problem+json` (RFC 9457): the types of problems, and a problem as a response.

`core/api/exceptions.py` makes problems of exceptions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict, TypeVar

from django.http import HttpResponse, JsonResponse

PROBLEMS = {
    "invalid": (400, "The request is not valid"),
    "not-signed-in": (401, "Sign in first"),
    "forbidden": (403, "You may not do this"),
    "not-found": (404, "There is no such thing"),
    "method-not-allowed": (405, "This cannot be done here"),
    "held": (409, "Held by someone else"),
    "busy": (409, "The camera is busy"),
    "not-recording": (409, "Not recording"),
    "recording-claimed": (409, "Experiments record the camera"),
    "experiment-state": (409, "The state of the experiment does not allow it"),
    "files-wait": (409, "Files wait for their copies"),
    "session-ended": (409, "The session has ended"),
    "capture-kept": (409, "The capture must stay"),
    "not-in-trash": (409, "The capture is not in the trash"),
    "plan-refused": (409, "The plan cannot be executed"),
    "finding-refused": (409, "The file cannot be adopted or set aside"),
    "job-ended": (409, "The job has ended"),
    "too-many-silences": (409, "There are too many silences"),
    "webhook-disabled": (409, "The web-hook is switched off"),
    "webhook-busy": (409, "The web-hook sends another delivery"),
    "host-draining": (409, "The camera host is being drained"),
    "host-refused": (409, "The state of the host does not allow it"),
    "invitation-used": (409, "The invitation was used"),
    "invitation-over": (409, "The invitation has ended"),
    "no-primary-camera": (409, "No camera is the primary one"),
    "idempotency-running": (409, "The first request with this Idempotency-Key still runs"),
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
    """Some types have more members; docs/clients/api.md names them."""

    errors: list[ErrorBody]


@dataclass(frozen=True, slots=True)
class Problem:
    """`extensions` are extension members, such as the `capture` that failed. `title`: instead of that of its type.
    `is_expected`: the log has no line for it."""

    type: str
    detail: str
    errors: list[ErrorBody] = field(default_factory=list)
    extensions: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    title: str = ""
    is_expected: bool = False

    def response(self, instance: str) -> JsonResponse:
        status, title = PROBLEMS[self.type]
        body: dict[str, Any] = {
            "type": f"/problems/{self.type}",
            "title": self.title or title,
            "status": status,
            "detail": self.detail,
            "instance": instance,
        }
        if self.errors:
            body["errors"] = self.errors
        # Not DRF's Response: problems are also made outside of its views, where no renderer has been negotiated.
        response = JsonResponse(
            body | dict(self.extensions),
            status=status,
            content_type="application/problem+json",
            headers=dict(self.headers),
        )
        return mark_expected(response) if self.is_expected else response


Response = TypeVar("Response", bound=HttpResponse)


def mark_expected(response: Response) -> Response:
    """Django logs a warning or an error for each status of 400 or more, but for this mark of its own."""
    response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001
    return response


ExceptionTable = Mapping[type[Exception], Callable[[Any], Problem | None]]
"""Class of an exception -> the function that makes a problem of it, also for its subclasses without an entry. It may
return None: then the exception is none of a problem."""


def invalid(errors: list[ErrorBody]) -> Problem:
    first = errors[0]
    where = f"{first['field']}: " if first["field"] else ""
    more = f" And {len(errors) - 1} more, see errors." if len(errors) > 1 else ""
    return Problem("invalid", f"{where}{first['message']}{more}", errors)


def from_message(type_: str) -> Callable[[Exception], Problem]:
    """The entry of an exception whose message is the problem's `detail`."""
    return lambda error: Problem(type_, str(error))


def is_api(path: str) -> bool:
    """Whether errors at this path are problems, not pages."""
    return path.startswith("/api/")
