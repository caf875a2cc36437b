"""Requests that are repeated until there is an answer, as far as a repetition does no harm."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cache
from itertools import count
from typing import Any, TypeVar
from uuid import uuid4

import httpx
from pydantic import TypeAdapter, ValidationError

from skycam_client.problems import NotReached, UnexpectedAnswer, problem_of, retry_after_s
from skycam_client.steps import Send, Steps, Wait

T = TypeVar("T")
API = "/api/v1/"
KEY = "Idempotency-Key"
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""There was no connection, so that the station has no request."""
NO_HARM = frozenset({"GET", "HEAD", "PUT", "PATCH", "DELETE"})
"""Methods that can be repeated without a key."""
LATER = frozenset({409, 429, 503})
"""With `Retry-After`, and only then: the station has not carried the request out."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0


def keyed(key: str = "") -> dict[str, str]:
    """The header with which a POST is carried out once, however often it is sent."""
    return {KEY: key or str(uuid4())}


def pauses() -> Iterator[float]:
    return (min(FIRST_PAUSE_S * 2**number, LONGEST_PAUSE_S) for number in count())


def exchange(send: Send, retry_for_s: float) -> Steps[httpx.Response]:
    """The answer. `retry_for_s`: how long to try again, from now on. Problem, NotReached, UnexpectedAnswer."""
    can_repeat = send.method in NO_HARM or KEY in send.headers
    until, was_sent = time.monotonic() + retry_for_s, False
    for pause_s in pauses():
        try:
            answer: httpx.Response = yield send
        except httpx.RequestError as error:
            was_sent = was_sent or not isinstance(error, NOT_SENT)
            if not (can_repeat or not was_sent) or time.monotonic() + pause_s > until:
                raise NotReached(not_reached(send, error, was_sent=was_sent)) from error
            yield Wait(pause_s)
            continue
        later_s = retry_after_s(answer) if answer.status_code in LATER else None
        if can_repeat and later_s is not None and time.monotonic() + later_s <= until:
            yield Wait(later_s)
            continue
        # The first answer was lost: it is gone because of this request.
        if answer.status_code < 400 or (send.method == "DELETE" and was_sent and answer.status_code == 404):
            return answer
        raise problem_of(answer)
    raise AssertionError("pauses never end")


def not_reached(send: Send, error: httpx.RequestError, *, was_sent: bool) -> str:
    reason = str(error) or type(error).__name__
    maybe = was_sent and send.method != "GET"
    return f"No answer from the station to {send.method} {send.path}: {reason}. " + (
        "It may have been carried out: look before you send it again."
        if maybe
        else "Check its address, and that it runs."
    )


@cache
def adapter_of(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def read_as(kind: type[T], answer: httpx.Response) -> T:
    """The answer's body. Fields that this version does not know are left out. UnexpectedAnswer."""
    of: Any = kind
    adapter: TypeAdapter[T] = adapter_of(of)
    try:
        return adapter.validate_json(answer.content, extra="ignore")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "body"
        raise UnexpectedAnswer(
            f"The answer of {answer.request.url.path} cannot be read: {where}: {first['msg']}. "
            "Install the version of skycam-client that belongs to the station."
        ) from error
