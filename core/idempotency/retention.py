"""Removes old requests, and limits how many a user has."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from core import database_clock
from core.idempotency.models import IdempotentRequest

KEPT_FOR = timedelta(hours=24)
MAX_ROWS = 10_000
"""Of each user. The oldest make room: a refusal would stop a program in the middle of a night."""
LIMIT_EVERY = 100
"""A user may have this many more rows for a while: counting thousands of rows takes milliseconds."""
BATCH = 500

_claims = itertools.count()


def remove_requests() -> int:
    """Remove a batch of requests that are older than a day. Returns the number of rows."""
    now = timezone.now()
    # Later than tomorrow: the clock was ahead when it was made.
    old = IdempotentRequest.objects.filter(Q(created_at__lt=now - KEPT_FOR) | Q(created_at__gt=now + KEPT_FOR))
    # Django cannot delete a query with a limit.
    return IdempotentRequest.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:BATCH])).delete()[0]


def limit_rows(user: Any) -> None:
    """Call it at each claim: from time to time it removes what the user has too many of."""
    if next(_claims) % LIMIT_EVERY == 0:
        remove_oldest(user)


def remove_oldest(user: Any, most: int = MAX_ROWS) -> int:
    """Remove the user's oldest requests, a batch of those beyond `most`. Returns the number of rows."""
    # Without those that run now, whose answers are still to be stored.
    settled = IdempotentRequest.objects.filter(user=user).exclude(lease_until__gt=database_clock.now())
    beyond = settled.order_by("-created_at", "-id").values_list("pk", flat=True)[most : most + BATCH]
    return IdempotentRequest.objects.filter(pk__in=list(beyond)).delete()[0]
