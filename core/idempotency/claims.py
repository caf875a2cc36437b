"""The header Idempotency-Key, the fingerprint by which a repetition is recognised, and which answers are stored.
Claim a key for a request, settle the claim with its answer, and remove old requests. Each change is one statement on
one row, committed at once: after a kill between any two of them a repetition finds the key claimed, and runs the view
again when the lease has ended."""

from __future__ import annotations

import enum
import itertools
import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import DatabaseError, IntegrityError, InterfaceError, transaction
from django.db.models import F, Q, QuerySet
from django.http import HttpResponse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from rest_framework.request import Request
from rest_framework.response import Response

from core import database_clock
from core.idempotency.models import IdempotentRequest

log = logging.getLogger(__name__)

HEADER = "Idempotency-Key"
MAX_LENGTH = 120
CHARACTERS = rf"[\x21-\x7e]{{1,{MAX_LENGTH}}}"
KEY_PATTERN = f"^{CHARACTERS}$"
"""As JSON schema writes it."""


class BadKey(ValueError):
    """The header is not a key."""

    def __init__(self) -> None:
        super().__init__(f"A key has 1 to {MAX_LENGTH} printable ASCII characters, without spaces.")


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """What identifies a request: whose it is, its key, and what it asks for."""

    user: Any
    """The user's primary key."""
    key: str
    method: str
    route: str
    fingerprint: str


def key_of(headers: Mapping[str, str]) -> str | None:
    """None without the header. BadKey."""
    key = headers.get(HEADER)
    # Not KEY_PATTERN: Python's `$` accepts a line break at the end.
    if key is not None and not re.fullmatch(CHARACTERS, key):
        raise BadKey
    return key


def keyed_request(request: Request, key: str) -> KeyedRequest:
    """ParseError for a body that is no JSON."""
    match = request.resolver_match
    return KeyedRequest(
        user=request.user.pk,
        key=key,
        method=str(request.method),
        # Not the path: it has any length, and may contain NUL, which PostgreSQL refuses.
        route=match.route[:200] if match else "",
        fingerprint=fingerprint(str(request.method), request.path, request.META["QUERY_STRING"], request.data),
    )


def fingerprint(method: str, path: str, query: str, body: Any) -> str:
    """64 hexadecimal digits. The order of the keys in the body and its white space make no difference."""
    text = json.dumps([method, path, query, body], sort_keys=True, separators=(",", ":"))
    # With the station's key: a body may contain a camera's password, which a plain hash would let someone guess.
    return salted_hmac("core.idempotency", text, algorithm="sha256").hexdigest()


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


LEASE = timedelta(seconds=60)
"""Longer than any view runs: the longest wait is for the last clip of a recording (FINALIZE_S, 20 s)."""
CLAIM_TRIES = 5
State = IdempotentRequest.State


class RequestMismatch(Exception):
    """The key was used for another request."""


class RequestRunning(Exception):
    """The first request with this key still runs."""


class AnsweredAlready(Exception):
    """The request was answered before, with `answer`."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run the view, as attempt number `attempt`."""

    row: UUID
    attempt: int
    resource_id: UUID
    """The id of the row that the request creates: the same in each attempt."""

    def settle(self, answer: Answer) -> None:
        """Store the answer, forget the request, or let a repetition run the view, as `answer.settlement` says."""
        with _log_database_errors():
            self._settle(answer)

    def abandon(self) -> None:
        """The view ended without an answer: a repetition runs it again at once."""
        with _log_database_errors():
            self._end_lease()

    def _settle(self, answer: Answer) -> None:
        if answer.settlement is Settlement.STORE:
            # Of two attempts, the first answer is stored.
            self._running().update(
                state=State.ANSWERED, lease_until=None, status=answer.status, body=answer.body, headers=answer.headers
            )
        elif answer.settlement is Settlement.FORGET and self.attempt == 1:
            # Another attempt may have an effect already, so its reserved id is still needed.
            self._running().filter(attempts=1).delete()
        else:
            self._end_lease()

    def _end_lease(self) -> None:
        self._running().filter(attempts=self.attempt).update(lease_until=database_clock.now())

    def _running(self) -> QuerySet[IdempotentRequest]:
        return IdempotentRequest.objects.filter(pk=self.row, state=State.RUNNING)


@contextmanager
def _log_database_errors() -> Iterator[None]:
    """Log an error of the database and go on: the answer is right, and the row stays running until its lease ends."""
    try:
        with transaction.atomic():
            yield
    except (DatabaseError, InterfaceError) as error:
        log.warning("The answer to a request with an Idempotency-Key is not stored: %s", error)


def claim_request(request: KeyedRequest, *, beside_running: bool = False) -> Claim:
    """Claim the key, or raise AnsweredAlready with the stored answer, RequestMismatch or RequestRunning.

    `beside_running`: the view finds what an attempt that still runs has created, so it may run at the same time.
    """
    # Before the insert: an error here leaves no key claimed.
    limit_rows(request.user)
    for _ in range(CLAIM_TRIES):
        if claim := _insert(request):
            return claim
        found = IdempotentRequest.objects.filter(user=request.user, key=request.key).first()
        # It may have been removed or answered between the statements: then the next round finds that.
        if found and (claim := _claim_again(found, request, beside_running)):
            return claim
    raise RequestRunning(_running_sentence(request.key))


def _insert(request: KeyedRequest) -> Claim | None:
    """None when the user has used the key already. The database decides: of two requests at once, one inserts."""
    row = IdempotentRequest(
        user_id=request.user, key=request.key, method=request.method, route=request.route,
        fingerprint=request.fingerprint, lease_until=database_clock.now() + LEASE,
    )  # fmt: skip
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        return None
    return Claim(row.pk, 1, row.resource_id)


def _claim_again(found: IdempotentRequest, request: KeyedRequest, beside_running: bool) -> Claim | None:
    """None when the row is no longer running."""
    if found.fingerprint != request.fingerprint:
        raise RequestMismatch(
            f"The Idempotency-Key {request.key!r} was used for another request, {found.method} /{found.route}. "
            "Use a new one."
        )
    if found.state == State.ANSWERED:
        raise AnsweredAlready(Answer.of_row(found))
    running = IdempotentRequest.objects.filter(pk=found.pk, state=State.RUNNING)
    # The number of attempts as it was read: of two repetitions at once, one claims the row.
    free = running if beside_running else running.filter(_lease_ended(), attempts=found.attempts)
    if free.update(attempts=F("attempts") + 1, lease_until=database_clock.now() + LEASE):
        return Claim(found.pk, found.attempts + 1, found.resource_id)
    if beside_running:
        return None
    raise RequestRunning(_running_sentence(request.key))


def _lease_ended() -> Q:
    now = database_clock.now()
    # A lease that ends later than a new one would was made before the clock was set back.
    return Q(lease_until__lte=now) | Q(lease_until__gt=now + LEASE)


def _running_sentence(key: str) -> str:
    return (
        f"The first request with the Idempotency-Key {key!r} still runs. Repeat it until it is answered; if the "
        f"station was interrupted, it runs again after at most {LEASE.seconds} s."
    )


KEPT_FOR = timedelta(hours=24)
MAX_ROWS = 10_000
"""Of each user. The oldest make room: a refusal would stop a program in the middle of a night."""
LIMIT_EVERY = 100
"""A user may have this many more rows for a while: counting thousands of rows takes milliseconds."""
BATCH = 500

_claims_made = itertools.count()


def remove_requests() -> int:
    """Remove a batch of requests that are older than a day. Returns the number of rows."""
    now = timezone.now()
    # Later than tomorrow: the clock was ahead when it was made.
    old = IdempotentRequest.objects.filter(Q(created_at__lt=now - KEPT_FOR) | Q(created_at__gt=now + KEPT_FOR))
    # Django cannot delete a query with a limit.
    return IdempotentRequest.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:BATCH])).delete()[0]


def limit_rows(user: Any) -> None:
    """Call it at each claim: from time to time it removes what the user has too many of."""
    if next(_claims_made) % LIMIT_EVERY == 0:
        remove_oldest(user)


def remove_oldest(user: Any, most: int = MAX_ROWS) -> int:
    """Remove the user's oldest requests, a batch of those beyond `most`. Returns the number of rows."""
    # Without those that run now, whose answers are still to be stored.
    settled = IdempotentRequest.objects.filter(user=user).exclude(lease_until__gt=database_clock.now())
    beyond = settled.order_by("-created_at", "-id").values_list("pk", flat=True)[most : most + BATCH]
    return IdempotentRequest.objects.filter(pk__in=list(beyond)).delete()[0]
