"""EXCEPTIONS: the API's problems for the exceptions of this package."""

from __future__ import annotations

from core.api.problems import ErrorBody, ExceptionTable, Problem, from_message, invalid
from core.idempotency.claims import RequestMismatch, RequestRunning
from core.idempotency.keys import HEADER, BadKey

RETRY_S = 2


def bad_key(error: BadKey) -> Problem:
    return invalid([ErrorBody(field=HEADER, message=str(error))])


def request_running(error: RequestRunning) -> Problem:
    return Problem("idempotency-running", str(error), headers={"Retry-After": str(RETRY_S)})


EXCEPTIONS: ExceptionTable = {
    BadKey: bad_key,
    RequestMismatch: from_message("idempotency-mismatch"),
    RequestRunning: request_running,
}
