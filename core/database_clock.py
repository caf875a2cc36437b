"""The clock of the database, which all machines of a station share: leases, orders and expiries are compared by it.

SQLite has no other clock than the one of the process that asks.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone


def now() -> datetime:
    """For a query or an update: the database fills in the time when it runs the statement, so that no other round trip
    is needed. In Python it can only be added to; `read_now` gives a value."""
    # Typed as what it stands for: Django's own annotations take a datetime where they take an expression.
    return cast(datetime, Now()) if is_shared() else timezone.now()


def read_now() -> datetime:
    """The time of the database as a value. DatabaseError."""
    return _ask() if is_shared() else timezone.now()


def is_shared() -> bool:
    """Whether the database is a server with a clock of its own."""
    return connection.vendor == "postgresql"


@dataclass(frozen=True, slots=True)
class MeasuredOffset:
    """`ahead_s`: how far this machine's clock is ahead of the database's, in seconds; negative when it is behind. Right
    to `error_s`: half the time of the answer."""

    ahead_s: float
    error_s: float
    at: datetime
    """By the database's clock."""


def measure_offset() -> MeasuredOffset:
    """DatabaseError."""
    if not is_shared():
        return MeasuredOffset(0.0, 0.0, timezone.now())
    # Before the measurement: a connection takes longer than a question.
    connection.ensure_connection()
    before, began = time.time(), time.monotonic()
    at = _ask()
    half_s = (time.monotonic() - began) / 2
    return MeasuredOffset(before + half_s - at.timestamp(), half_s, at)


def _ask() -> datetime:
    with connection.cursor() as cursor:
        # Not now(), which is the time at which the transaction began.
        cursor.execute("SELECT clock_timestamp()")
        [at] = cursor.fetchone()
    return cast(datetime, at).astimezone(UTC)
