"""The levels of aggregates: each is computed from the one below, minutes from the readings themselves. Due ones are
marked and computed in small transactions, and old readings and minutes removed; hours and days stay for ever. A
transaction deletes the marks of the aggregates that it stores, and marks those of the next level. So a kill at any
line loses nothing."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Avg, Count, F, FloatField, Max, Min, Q, QuerySet, Subquery, Sum, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, NullIf
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from core.changes import in_one_transaction
from core.partitions import READINGS, drop_partitions, first_row_to_stay
from monitoring.models import DueAggregate, Reading, ReadingAggregate, ReadingQuality

log = logging.getLogger(__name__)

MINUTE_S, TEN_MINUTES_S, HOUR_S, DAY_S = 60, 600, 3600, 86_400
LEVELS = (MINUTE_S, TEN_MINUTES_S, HOUR_S, DAY_S)
"""In the order of computation. Ten minutes are there for the chart of a week: its minutes are too many rows."""
BELOW = dict(zip(LEVELS, (0, *LEVELS), strict=False))
"""Seconds of a level -> those of the level that it is computed from; 0 stands for the readings."""
ABOVE = dict(pairwise(LEVELS))
SOURCES = {0: "raw", MINUTE_S: "minute", TEN_MINUTES_S: "ten_minutes", HOUR_S: "hour", DAY_S: "day"}
"""Seconds of a level -> its name in the API."""


MAX_ROWS = 250_000
"""Rows that one request reads, of all its channels."""
STEPS_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 3600, 7200, 10_800, 21_600, 43_200, DAY_S)
"""Lengths of points that are chosen; then whole days."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """`level_s` is the level that is read, 0 for the readings; `bucket_s` the length of a point, 0 for each reading."""

    level_s: int
    bucket_s: int

    @property
    def source(self) -> str:
        return SOURCES[self.level_s]


@dataclass(frozen=True, slots=True)
class Wanted:
    """`intervals_s`: those of the channels. `kept_s`: level -> how far back its rows are kept; missing: for ever.
    `age_s` is that of the beginning of the range."""

    span_s: float
    age_s: float
    intervals_s: Sequence[float]
    kept_s: dict[int, float]
    bucket_s: int
    limit: int


def choose_resolution(wanted: Wanted) -> Resolution:
    """The finest one with at most `limit` points, or the one of the wanted bucket. A level whose rows are removed, or
    too many, is replaced by the next one."""
    shortest_s = min(wanted.intervals_s, default=1.0)
    if not wanted.bucket_s and wanted.span_s / shortest_s <= wanted.limit and _is_usable(0, wanted):
        return Resolution(0, 0)
    bucket_s = wanted.bucket_s or nice_bucket(wanted.span_s / wanted.limit)
    levels = [level for level in (0, *LEVELS[:-1]) if _is_usable(level, wanted)]
    # The coarsest level that is fine enough; else the finest one there is.
    level_s = max((level for level in levels if level <= bucket_s), default=min(levels, default=DAY_S))
    if bucket_s >= DAY_S:
        level_s = DAY_S
    return Resolution(level_s, _multiple(bucket_s, level_s))


def _is_usable(level_s: int, wanted: Wanted) -> bool:
    steps = [level_s] * len(wanted.intervals_s) if level_s else wanted.intervals_s
    rows = sum(wanted.span_s / step for step in steps)
    return rows <= MAX_ROWS and wanted.age_s <= wanted.kept_s.get(level_s, math.inf)


def nice_bucket(least_s: float) -> int:
    """The shortest length of a point that is not below `least_s`."""
    return next((step for step in STEPS_S if step >= least_s), math.ceil(least_s / DAY_S) * DAY_S)


def _multiple(bucket_s: int, level_s: int) -> int:
    return math.ceil(bucket_s / level_s) * level_s if level_s else bucket_s


BATCH = 500
"""Aggregates per transaction, few enough that other writers need not wait."""
PAUSE_S = 0.02
"""Between two transactions: SQLite does not queue its writers."""
RUN_S = 20.0
"""The time of one run; the rest waits for the next run."""
SETTLE_S = 60
"""How long after its end a minute is computed. A reading that is written later marks it again."""
CLOCK_AHEAD_S = 300
"""Minutes that begin later than this from now are of a clock that was ahead. They are computed at once, since no one
knows when it will be their time."""
COLUMNS = ("minimum", "maximum", "mean", "count", "stale", "implausible", "missing")
NUMBERS = ("count", "stale", "implausible", "missing")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive aggregates of one channel: from `start_s` to before `end_s`."""

    channel: int
    start_s: int
    end_s: int


def aggregate_due(run_s: float = RUN_S) -> int:
    """Compute what is due, level by level, for about `run_s` seconds. Returns the number of aggregates."""
    done, until = 0, time.monotonic() + run_s
    if not DueAggregate.objects.exists():
        return done  # without a transaction for each level
    for seconds in BELOW:
        while time.monotonic() < until and (count := aggregate_batch(seconds, int(time.time()))):
            done += count
            time.sleep(PAUSE_S)
    return done


def aggregate_batch(seconds: int, now_s: int) -> int:
    """Compute a batch of due aggregates of one level, oldest first, in one transaction. Returns the number of marks."""
    with transaction.atomic():
        marks = list(_ready(seconds, now_s).order_by("start_s", "channel_id")[:BATCH])
        if not marks:
            return 0
        DueAggregate.objects.filter(pk__in=[mark.pk for mark in marks]).delete()
        starts = [(mark.channel_id, mark.start_s) for mark in marks]
        _store(seconds, computed(seconds, list(stretches(seconds, starts))))
        if above := ABOVE.get(seconds):
            mark_due(above, ((channel, start // above * above) for channel, start in starts))
    return len(marks)


def _ready(seconds: int, now_s: int) -> QuerySet[DueAggregate]:
    """Those that another host computes now, and those that a writer marks in an open transaction, are left out."""
    due = DueAggregate.objects.select_for_update(skip_locked=True).filter(seconds=seconds)
    if BELOW[seconds]:
        return due
    return due.filter(Q(start_s__lte=now_s - seconds - SETTLE_S) | Q(start_s__gt=now_s + CLOCK_AHEAD_S))


def stretches(seconds: int, starts: Iterable[tuple[int, int]]) -> Iterator[Stretch]:
    """The starts by channel, consecutive ones as one stretch: a backlog is read in a few ranges."""
    current: Stretch | None = None
    for channel, start in sorted(starts):
        if current and (current.channel, current.end_s) == (channel, start):
            current = Stretch(channel, current.start_s, start + seconds)
            continue
        if current:
            yield current
        current = Stretch(channel, start, start + seconds)
    if current:
        yield current


def computed(seconds: int, wanted: Sequence[Stretch]) -> list[ReadingAggregate]:
    """The aggregates from the level below, in one query. Where nothing is below, there is none."""
    below = BELOW[seconds]
    rows = _of_aggregates(seconds, below, wanted) if below else _of_readings(seconds, wanted)
    return [ReadingAggregate(seconds=seconds, **row) for row in rows]


def _of_readings(seconds: int, wanted: Sequence[Stretch]) -> Iterable[Any]:
    ranges = Q()
    for one in wanted:
        ranges |= Q(channel=one.channel, at_ms__gte=one.start_s * 1000, at_ms__lt=one.end_s * 1000)
    plausible = Q(quality=ReadingQuality.OK, value__isnull=False)
    readings = Reading.objects.filter(ranges).annotate(start_s=F("at_ms") / (seconds * 1000) * seconds)
    return readings.values("channel_id", "start_s").order_by().annotate(
        minimum=Min("value", filter=plausible),
        maximum=Max("value", filter=plausible),
        mean=Avg("value", filter=plausible),
        count=Count("pk", filter=plausible),
        stale=Count("pk", filter=Q(quality=ReadingQuality.STALE)),
        implausible=Count("pk", filter=Q(quality=ReadingQuality.IMPLAUSIBLE)),
        missing=Count("pk", filter=Q(quality=ReadingQuality.MISSING)),
    )  # fmt: skip


def _of_aggregates(seconds: int, below: int, wanted: Sequence[Stretch]) -> Iterable[Any]:
    lower = ReadingAggregate.objects.filter(_ranges(wanted), seconds=below)
    return lower.annotate(bucket=F("start_s") / seconds * seconds).values("channel_id", "bucket").order_by().annotate(
        low=Min("minimum"), high=Max("maximum"), average=mean_of_means(), **{f"n_{name}": Sum(name) for name in NUMBERS}
    ).values(
        "channel_id", start_s=F("bucket"), minimum=F("low"), maximum=F("high"), mean=F("average"), count=F("n_count"),
        stale=F("n_stale"), implausible=F("n_implausible"), missing=F("n_missing"),
    )  # fmt: skip


def mean_of_means() -> Combinable:
    """The mean of all readings below, of which each aggregate has `count`. NULL without plausible ones."""
    return Sum(F("mean") * Cast("count", FloatField())) / NullIf(Cast(Sum("count"), FloatField()), 0.0)


def _ranges(wanted: Sequence[Stretch]) -> Q:
    ranges = Q()
    for one in wanted:
        ranges |= Q(channel=one.channel, start_s__gte=one.start_s, start_s__lt=one.end_s)
    return ranges


def _store(seconds: int, aggregates: Sequence[ReadingAggregate]) -> None:
    """Insert or replace. One that has fewer readings than the stored one stays out: retention has removed readings
    below since that was computed, and a late one must not replace them all."""
    wanted = list(stretches(seconds, ((one.channel_id, one.start_s) for one in aggregates)))
    stored = ReadingAggregate.objects.filter(_ranges(wanted), seconds=seconds) if wanted else ()
    readings = {(one.channel_id, one.start_s): _readings(one) for one in stored}
    ReadingAggregate.objects.bulk_create(
        [one for one in aggregates if _readings(one) >= readings.get((one.channel_id, one.start_s), 0)],
        update_conflicts=True,
        unique_fields=["channel", "seconds", "start_s"],
        update_fields=COLUMNS,
    )


def _readings(aggregate: ReadingAggregate) -> int:
    return aggregate.count + aggregate.stale + aggregate.implausible + aggregate.missing


def mark_due(seconds: int, starts: Iterable[tuple[int, int]]) -> None:
    """Mark aggregates of one level by channel and start, in the transaction that writes what they are computed from.

    A mark that exists is written again. On PostgreSQL this locks it until the end of the transaction: otherwise the
    aggregation could compute the aggregate without the rows of this transaction, and then delete the mark.
    """
    # Sorted: two transactions that lock the same marks in different orders would wait for each other.
    marks = [DueAggregate(channel_id=channel, seconds=seconds, start_s=start) for channel, start in sorted(set(starts))]
    DueAggregate.objects.bulk_create(
        marks, update_conflicts=True, unique_fields=["channel", "seconds", "start_s"], update_fields=["start_s"]
    )


def reading_metrics(_user: Any = None) -> Iterator[Metric]:
    """Everyone who may read metrics may see it."""
    yield GaugeMetricFamily(
        "skycam_readings_aggregation_lag_seconds",
        "How long the oldest aggregate of readings that is not computed could have been.",
        value=aggregation_lag_s(time.time()),
    )


def aggregation_lag_s(now_s: float) -> float:
    """Since when the oldest due aggregate could have been computed; 0 if none could."""
    with in_one_transaction():
        ends = [end_s for seconds in LEVELS if (end_s := oldest_end_s(seconds)) is not None]
    return max(0.0, now_s - SETTLE_S - min(ends)) if ends else 0.0


def oldest_end_s(seconds: int) -> int | None:
    """When the oldest due aggregate of a level ends; None if none is due."""
    start_s: int | None = DueAggregate.objects.filter(seconds=seconds).aggregate(oldest=Min("start_s"))["oldest"]
    return None if start_s is None else start_s + seconds


ROWS_AT_ONCE = 2000
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
    batch = list(rows.order_by(by).values_list("pk", flat=True)[:ROWS_AT_ONCE])
    return rows.model.objects.filter(pk__in=batch).delete()[0] if batch else 0
