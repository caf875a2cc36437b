"""What can go wrong, each with a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import httpx


class SkycamError(Exception):
    """Whatever a call raises besides errors of the program that makes it."""


class NotReached(SkycamError):
    """There was no answer in time. A request that changes something may have been carried out."""


class UnexpectedAnswer(SkycamError):
    """The answer is none of a station, or of one that this version cannot read."""


class Damaged(SkycamError):
    """A file does not have the checksum that the station knows."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """`field` is empty for the whole request."""

    field: str
    message: str


class Problem(SkycamError):
    """The station refused a request. `detail` says why, and is the text of the exception; `members` are the further
    ones of its body, such as `held_by`; docs/clients/api.md lists them. `retry_after_s`: when to try again, if the
    station says so."""

    types: ClassVar[tuple[str, ...]] = ()
    """The types of problems that have this class."""

    def __init__(self, body: Mapping[str, Any], retry_after_s: float | None = None) -> None:
        super().__init__(str(body.get("detail", "")) or str(body.get("title", "")))
        self.type = str(body["type"]).removeprefix("/problems/")
        self.title, self.status = str(body.get("title", "")), int(body.get("status", 0))
        self.detail = str(self)
        self.errors = [FieldError(str(one["field"]), str(one["message"])) for one in body.get("errors", [])]
        self.members = {name: value for name, value in body.items() if name not in KNOWN}
        self.retry_after_s = retry_after_s


KNOWN = frozenset({"type", "title", "status", "detail", "instance", "errors"})


class Invalid(Problem):
    """`errors` has a sentence for each wrong field."""

    types = ("invalid",)


class NotSignedIn(Problem):
    """The token is missing, wrong, revoked or has expired."""

    types = ("not-signed-in",)


class Forbidden(Problem):
    types = ("forbidden",)


class NotFound(Problem):
    """Also of what the user may not see."""

    types = ("not-found",)


class Held(Problem):
    """Someone else holds the camera: `members["held_by"]`. Or a clip is held."""

    types = ("held",)


class Busy(Problem):
    types = ("busy",)


class RateLimited(Problem):
    types = ("rate-limited",)


class Unavailable(Problem):
    """A part of the station does not work now: camera, host, broker, database or disk."""

    types = (
        "camera-not-reachable", "host-down", "broker-down", "database-down", "live-disabled", "live-full", "not-ready",
        "too-busy", "too-slow", "disk-full", "internal",
    )  # fmt: skip


class Refused(Problem):
    """The state of things does not allow it: `type` says which."""


class CaptureNotSaved(Problem):
    """The capture failed or was skipped: `reason`, and the id in `capture`."""

    types = ("capture-failed", "capture-skipped")

    @property
    def capture(self) -> str:
        return str(self.members.get("capture", ""))

    @property
    def reason(self) -> str:
        return str(self.members.get("reason", ""))


CLASSES: dict[str, type[Problem]] = {
    type_: found
    for found in (Invalid, NotSignedIn, Forbidden, NotFound, Held, Busy, RateLimited, Unavailable, CaptureNotSaved)
    for type_ in found.types
}


def problem_of(answer: httpx.Response) -> SkycamError:
    """The exception for an answer with a status of 400 or more."""
    try:
        body = answer.json()
        type_ = str(body["type"]).removeprefix("/problems/")
    except (ValueError, TypeError, KeyError):
        return UnexpectedAnswer(
            f"{answer.request.url} answered {answer.status_code} without a reason. Is it the address of a station, and "
            "does the proxy in front of it let its answers through?"
        )
    # One that an older version does not know is at least a refusal.
    found = CaptureNotSaved if "capture" in body else CLASSES.get(type_, Refused)
    return found(body, retry_after_s(answer))


def retry_after_s(answer: httpx.Response) -> float | None:
    """None without the header, or with a date, which no station sends."""
    try:
        return float(answer.headers["Retry-After"])
    except (KeyError, ValueError):
        return None
