"""The base of API views whose requests may have an Idempotency-Key."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.idempotency.answers import Answer
from core.idempotency.claims import AnsweredAlready, Claim, claim_request
from core.idempotency.failpoints import FAILPOINTS
from core.idempotency.keys import key_of, keyed_request


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
