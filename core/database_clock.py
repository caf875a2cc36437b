"""The clock of the database, which all machines of a station share: leases, orders and expiries are compared by it.

SQLite has no other clock than the one of the process that asks.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from django.db import DatabaseError, connection
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


def estimate() -> datetime:
    """The time of the database without a question to it, except once in MEASURE_S: for values in Python, and for
    comparisons that are made often. Right to milliseconds, also after this machine's own clock was set. DatabaseError
    before the first answer."""
    if not is_shared():
        return timezone.now()
    global _anchor
    anchor, now_s = _anchor, boot_s()
    if anchor is None or now_s - anchor[1] >= MEASURE_S:
        try:
            measured = measure_offset()
        except DatabaseError:
            if anchor is None:
                raise
        else:
            # From the end of the measurement back to the middle, at which the database answered.
            _anchor = anchor = measured.at, boot_s() - measured.error_s
    return anchor[0] + timedelta(seconds=boot_s() - anchor[1])


def boot_s_at(at: datetime) -> float:
    """What the boot clock of this machine shows at that time of the database, for processes that ask no database.
    DatabaseError as from `estimate`."""
    return boot_s() + (at - estimate()).total_seconds()


def boot_s() -> float:
    """Seconds since this machine was booted. Unlike monotonic(), it goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def is_shared() -> bool:
    """Whether the database is a server with a clock of its own."""
    return connection.vendor == "postgresql"


MEASURE_S = 60.0
_anchor: tuple[datetime, float] | None = None
"""A time of the database, and when it was that, in seconds since this machine was booted. Replaced whole."""
_last: tuple[float, float] | None = None
"""The last measured offset, and when that was, as above."""


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
    global _last
    if not is_shared():
        return MeasuredOffset(0.0, 0.0, timezone.now())
    # Before the measurement: a connection takes longer than a question.
    connection.ensure_connection()
    before, began = time.time(), time.monotonic()
    at = _ask()
    half_s = (time.monotonic() - began) / 2
    found = MeasuredOffset(before + half_s - at.timestamp(), half_s, at)
    _last = found.ahead_s, boot_s()
    return found


def last_ahead_s() -> float | None:
    """What this process has measured last, for rows that are written often; None when that is longer ago than
    MEASURE_S, or the database is a file."""
    if not is_shared() or _last is None or boot_s() - _last[1] > MEASURE_S:
        return None
    return round(_last[0], 6)


def _ask() -> datetime:
    with connection.cursor() as cursor:
        # Not now(), which is the time at which the transaction began.
        cursor.execute("SELECT clock_timestamp()")
        [at] = cursor.fetchone()
    return cast(datetime, at).astimezone(UTC)
