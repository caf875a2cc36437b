"""Removes old readings and minutes; RETENTION lists it. Hours and days stay for ever."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db.models import Min, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from core.partitions import READINGS, drop_partitions, first_row_to_stay
from monitoring.models import DueAggregate, Reading, ReadingAggregate
from monitoring.readings.levels import ABOVE, DAY_S, MINUTE_S, TEN_MINUTES_S

BATCH = 2000
"""Ten sensors at 2 s write 18,000 rows an hour."""


def remove_readings() -> int:
    """Remove the months of readings older than `monitoring.readings.raw_days` whose minutes are computed, and a batch
    of such readings, oldest first. Returns the number of the latter."""
    end_s = _end_s(settings.STATION.monitoring.readings.raw_days)
    if end_s is None:
        return 0
    oldest_due = DueAggregate.objects.filter(seconds=MINUTE_S).aggregate(oldest=Min("start_s"))["oldest"]
    drop_partitions(READINGS, datetime.fromtimestamp(min(end_s, oldest_due or end_s), UTC))
    end_s = int(first_row_to_stay(READINGS, datetime.fromtimestamp(end_s, UTC)).timestamp())
    # In the query that finds the rows: a late reading that is written meanwhile is found with its mark, or not at all.
    not_computed = Coalesce(_oldest_due(MINUTE_S) * 1000, Value(end_s * 1000))
    old = Reading.objects.filter(at_ms__lt=end_s * 1000).filter(at_ms__lt=not_computed)
    return _remove(old, "at_ms")


def remove_minutes() -> int:
    """Remove a batch of minutes, or of ten minutes, older than `monitoring.readings.minute_days`, from which the level
    above is computed."""
    end_s = _end_s(settings.STATION.monitoring.readings.minute_days)
    if end_s is None:
        return 0
    return _remove_level(MINUTE_S, end_s) or _remove_level(TEN_MINUTES_S, end_s)


def _remove_level(seconds: int, end_s: int) -> int:
    old = ReadingAggregate.objects.filter(seconds=seconds, start_s__lt=end_s)
    return _remove(old.filter(start_s__lt=Coalesce(_oldest_due(ABOVE[seconds]), Value(end_s))), "start_s")


def _end_s(days: int) -> int | None:
    """What is before it is old. The newest `days` days that have readings stay at any age, so that a clock that jumps
    years ahead removes nothing. None: nothing is old."""
    if not days:
        return None
    with_readings = ReadingAggregate.objects.filter(seconds=DAY_S).order_by("-start_s").values("start_s").distinct()
    first_to_stay = with_readings[days - 1 : days].first()
    # A whole minute: none is removed in part.
    limit_s = int(time.time() - days * DAY_S) // MINUTE_S * MINUTE_S
    return first_to_stay and min(first_to_stay["start_s"], limit_s)


def _oldest_due(seconds: int) -> Subquery:
    due = DueAggregate.objects.filter(seconds=seconds).order_by().values("seconds").annotate(oldest=Min("start_s"))
    return Subquery(due.values("oldest"))


def _remove(rows: QuerySet[Any], by: str) -> int:
    batch = list(rows.order_by(by).values_list("pk", flat=True)[:BATCH])
    return rows.model.objects.filter(pk__in=batch).delete()[0] if batch else 0
