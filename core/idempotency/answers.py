"""Answers to requests with an Idempotency-Key, and which of them are stored."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpResponse
from rest_framework.response import Response

from core.idempotency.models import IdempotentRequest

REPLAYED = "Idempotency-Replayed"
STORED_HEADERS = ("Content-Type", "Location", "Preference-Applied")


class Settlement(enum.Enum):
    STORE = "store"
    """A repetition gets this answer."""
    RUN_AGAIN = "run again"
    """A repetition runs the view again, with the same reserved id."""
    FORGET = "forget"
    """Nothing was changed: the key can be used for any request."""


OF_STATUS = {202: Settlement.RUN_AGAIN}
"""Success -> what becomes of it; all others are stored. A 202 is not final: its capture gets an outcome later."""

OF_PROBLEM = {
    "invalid": Settlement.FORGET,
    "not-signed-in": Settlement.FORGET,
    "forbidden": Settlement.FORGET,
    "not-found": Settlement.FORGET,
    "method-not-allowed": Settlement.FORGET,
    "held": Settlement.FORGET,
    "recording-claimed": Settlement.FORGET,
    "experiment-state": Settlement.FORGET,
    "session-ended": Settlement.FORGET,
    "job-ended": Settlement.FORGET,
    "host-draining": Settlement.FORGET,
    "host-refused": Settlement.FORGET,
    "invitation-used": Settlement.FORGET,
    "invitation-over": Settlement.FORGET,
    "too-many-silences": Settlement.FORGET,
    "webhook-disabled": Settlement.FORGET,
    "webhook-busy": Settlement.FORGET,
    "capture-kept": Settlement.FORGET,
    "files-wait": Settlement.FORGET,
    "finding-refused": Settlement.FORGET,
    "not-in-trash": Settlement.FORGET,
    "plan-refused": Settlement.FORGET,
    "no-primary-camera": Settlement.FORGET,
    "too-large": Settlement.FORGET,
    "unsupported-media-type": Settlement.FORGET,
    "rate-limited": Settlement.FORGET,
    "internal": Settlement.RUN_AGAIN,
    "database-down": Settlement.RUN_AGAIN,
    "too-busy": Settlement.RUN_AGAIN,
}
"""Type of problem -> what becomes of it. All others are stored: what was requested is in the database, and is deferred
or has failed."""

MEMBERS_OF_EFFECTS = {"capture", "reason"}
"""A problem with one of these is stored, whatever its type: a capture has a row, or a camera has answered."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, body (JSON) and headers of a response. `replayed`: it comes from a row."""

    status: int
    body: str
    headers: dict[str, str] = field(default_factory=dict)
    replayed: bool = False

    @classmethod
    def of_response(cls, response: HttpResponse) -> Answer:
        if isinstance(response, Response):
            # Now instead of after the view: what is stored is what is sent.
            response.render()
        headers = {name: response[name] for name in STORED_HEADERS if name in response}
        return cls(response.status_code, response.content.decode(), headers)

    @classmethod
    def of_row(cls, row: IdempotentRequest) -> Answer:
        return cls(int(row.status or 0), row.body, row.headers, replayed=True)

    def response(self) -> HttpResponse:
        replayed = {REPLAYED: "true"} if self.replayed else {}
        return HttpResponse(self.body, status=self.status, headers={**self.headers, **replayed})

    @property
    def settlement(self) -> Settlement:
        if self.status < 400:
            return OF_STATUS.get(self.status, Settlement.STORE)
        problem: dict[str, Any] = json.loads(self.body)
        if MEMBERS_OF_EFFECTS & problem.keys():
            return Settlement.STORE
        return OF_PROBLEM.get(str(problem.get("type")).removeprefix("/problems/"), Settlement.STORE)
