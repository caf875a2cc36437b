"""Marks and computes due aggregates, in small transactions: minutes from readings, each other level from the one
below; and says how far behind it is. A transaction deletes the marks of the aggregates that it stores, and marks
those of the next level. So a kill at any line loses nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Avg, Count, F, FloatField, Max, Min, Q, QuerySet, Sum
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, NullIf
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from core.changes.gate import in_one_transaction
from monitoring.models import DueAggregate, Reading, ReadingAggregate, ReadingQuality
from monitoring.readings.levels import ABOVE, BELOW, LEVELS

log = logging.getLogger(__name__)
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
