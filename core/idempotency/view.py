"""API views whose requests may have an Idempotency-Key, the refusal of one where none is taken, and the problems of
keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api.problems import ErrorBody, ExceptionTable, Problem, from_message, invalid, is_api
from core.failpoints import Failpoints
from core.idempotency.claims import (
    HEADER,
    Answer,
    AnsweredAlready,
    BadKey,
    Claim,
    RequestMismatch,
    RequestRunning,
    claim_request,
    key_of,
    keyed_request,
)

FAILPOINTS = Failpoints(("after_claim", "after_view", "after_answer"))
"""The key is claimed and the view has not run; the view has run and its answer is not stored; the answer is stored and
not sent."""


class IdempotentView(APIView):
    """A view runs once for each key of a user; a repetition gets the stored answer.

    After a kill the view runs again. One that creates a row therefore gives it `reserved_id` as its primary key, and
    answers with the row that has it already.
    """

    idempotent: set[str] = set()
    """The methods that take a key."""
    runs_beside_itself = False
    """Whether a repetition runs the view while the first request still runs, instead of 409."""
    _claim: Claim | None = None

    @property
    def reserved_id(self) -> UUID | None:
        """The id for the row that this request creates, the same in each attempt. None without a key."""
        return self._claim.resource_id if self._claim else None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Sign-in and role first: who may not send the request gets neither a row nor a stored answer.
        super().initial(request, *args, **kwargs)
        if request.method in self.idempotent and (key := key_of(request.headers)) is not None:
            self._claim = claim_request(keyed_request(request, key), beside_running=self.runs_beside_itself)
            FAILPOINTS.hit("after_claim")

    def handle_exception(self, exc: Exception) -> Any:
        if isinstance(exc, AnsweredAlready):
            return exc.answer.response()
        try:
            return super().handle_exception(exc)
        except BaseException:
            # It becomes a 500 without an answer of this view. What it did is unknown, as after a kill.
            if self._claim:
                self._claim.abandon()
            raise

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        final = super().finalize_response(request, response, *args, **kwargs)
        if self._claim:
            FAILPOINTS.hit("after_view")
            self._claim.settle(Answer.of_response(final))
            FAILPOINTS.hit("after_answer")
        return final


def takes_key(view: Any, method: str) -> bool:
    """Whether requests of this method to this class of views may have a key."""
    return isinstance(view, type) and issubclass(view, IdempotentView) and method in view.idempotent


SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
"""They change nothing, so that the key makes no difference."""


class KeyRefusalMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, *_: Any) -> HttpResponse | None:
        """None where the key is taken, or may be ignored."""
        if HEADER not in request.headers or not is_api(request.path) or request.method in SAFE_METHODS:
            return None
        kind = getattr(view, "cls", None)
        if takes_key(kind, str(request.method)) or not hasattr(kind, str(request.method).lower()):
            return None
        message = f"{request.method} of this address takes no key. Send the request without the header."
        return invalid([ErrorBody(field=HEADER, message=message)]).response(request.path)


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
