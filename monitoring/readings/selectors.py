"""Readings of channels in a range of time: one query, whatever the number of channels; and the temperatures of the
last day, for the dashboard."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from django.db.models import Avg, Count, F, Max, Min, Q, Sum

from monitoring.models import Reading, ReadingAggregate, ReadingQuality, SensorChannel
from monitoring.readings.aggregation import mean_of_means
from monitoring.readings.levels import DAY_S, MINUTE_S, Resolution

OK, STALE, IMPLAUSIBLE, MISSING = (int(quality) for quality in ReadingQuality)
GAP_INTERVALS = 3
"""A channel that gave nothing for this many intervals has a gap."""


class Point(NamedTuple):
    """The plausible readings of a channel from `at_s` on. Without any, or in a gap, the values are None. `quality` is
    the worst of its readings."""

    at_s: float
    mean: float | None
    minimum: float | None
    maximum: float | None
    number: int
    quality: int


def points_of(channels: Sequence[int], start_s: float, end_s: float, resolution: Resolution) -> dict[int, list[Point]]:
    """Channel -> its points by time, without the gaps. Channels without a reading are left out."""
    if not resolution.level_s:
        rows = _readings(channels, start_s, end_s, resolution.bucket_s)
    else:
        rows = _aggregates(channels, start_s, end_s, resolution)
    return {channel: [point(*row[1:]) for row in found] for channel, found in groupby(rows, key=lambda row: row[0])}


def _readings(channels: Sequence[int], start_s: float, end_s: float, bucket_s: int) -> Iterable[tuple[Any, ...]]:
    found = Reading.objects.filter(
        channel__in=channels, at_ms__gte=round(start_s * 1000), at_ms__lt=round(end_s * 1000)
    )
    if not bucket_s:
        rows = found.order_by("channel", "at_ms").values_list("channel", "at_ms", "value", "quality")
        return (single(*row) for row in rows)
    plausible = Q(quality=OK, value__isnull=False)
    return (
        found.annotate(bucket=F("at_ms") / (bucket_s * 1000) * bucket_s)
        .values("channel", "bucket")
        .annotate(
            mean=Avg("value", filter=plausible),
            low=Min("value", filter=plausible),
            high=Max("value", filter=plausible),
            number=Count("value", filter=plausible),
            stale=Count("pk", filter=Q(quality=STALE)),
            implausible=Count("pk", filter=Q(quality=IMPLAUSIBLE)),
            missing=Count("pk", filter=Q(quality=MISSING)),
        )
        .order_by("channel", "bucket")
        .values_list("channel", "bucket", "mean", "low", "high", "number", "stale", "implausible", "missing")
    )


def _aggregates(
    channels: Sequence[int], start_s: float, end_s: float, resolution: Resolution
) -> Iterable[tuple[Any, ...]]:
    level_s, bucket_s = resolution.level_s, resolution.bucket_s
    # Also the one that the range begins in.
    first = int(start_s) // bucket_s * bucket_s
    found = ReadingAggregate.objects.filter(
        seconds=level_s, channel__in=channels, start_s__gte=first, start_s__lt=round(end_s)
    )
    if bucket_s == level_s:
        return found.order_by("channel", "start_s").values_list(
            "channel", "start_s", "mean", "minimum", "maximum", "count", "stale", "implausible", "missing"
        )
    return (
        found.annotate(bucket=F("start_s") / bucket_s * bucket_s)
        .values("channel", "bucket")
        .annotate(
            average=mean_of_means(), low=Min("minimum"), high=Max("maximum"), number=Sum("count"),
            n_stale=Sum("stale"), n_implausible=Sum("implausible"), n_missing=Sum("missing"),
        )
        .order_by("channel", "bucket")
        .values_list("channel", "bucket", "average", "low", "high", "number", "n_stale", "n_implausible", "n_missing")
    )  # fmt: skip


def single(channel: int, at_ms: int, value: float | None, quality: int) -> tuple[Any, ...]:
    """A reading as the row of a bucket."""
    is_plausible = quality == OK and value is not None
    plausible = value if is_plausible else None
    counts = (quality == STALE, quality == IMPLAUSIBLE, quality == MISSING)
    return (channel, at_ms / 1000, plausible, plausible, plausible, int(is_plausible), *counts)


def point(
    at_s: float, mean: float | None, low: float | None, high: float | None,
    count: int, stale: int, implausible: int, missing: int,
) -> Point:  # fmt: skip
    quality = MISSING if missing else IMPLAUSIBLE if implausible else STALE if stale else OK
    return Point(at_s, mean, low, high, count, quality)


def with_gaps(points: Sequence[Point], bucket_s: int, interval_s: float) -> list[Point]:
    """With a point without values wherever nothing came for three intervals."""
    allowed_s = bucket_s + GAP_INTERVALS * interval_s
    found: list[Point] = []
    for current in points:
        if found and current.at_s - found[-1].at_s > allowed_s:
            found.append(Point(found[-1].at_s + (bucket_s or interval_s), None, None, None, 0, MISSING))
        found.append(current)
    return found


COMPUTER = "host"
"""The kind of sensor whose temperatures are those of a processor."""
MAX_CHANNELS = 6
"""More lines than these cannot be told apart on the dashboard; the page Readings has all."""
FIVE_MINUTES = Resolution(MINUTE_S, 300)


def sensor_temperatures() -> dict[str, list[tuple[int, float]]]:
    """Name of a channel -> its means as (seconds since 1970, degrees Celsius), one for each five minutes, oldest first;
    that of the site first. Without hidden channels and those of computers. Two queries."""
    temperatures = SensorChannel.objects.filter(quantity="temperature", hidden=False)
    shown = temperatures.exclude(sensor__kind=COMPUTER).select_related("sensor")
    channels = list(shown.order_by("-main", "sensor__name", "key")[:MAX_CHANNELS])
    now = time.time()
    points = points_of([channel.pk for channel in channels], now - DAY_S, now, FIVE_MINUTES)
    middle = FIVE_MINUTES.bucket_s / 2
    return {
        f"{channel.sensor.display_name}, {channel.display_name}": [
            (round(min(now, point.at_s + middle)), round(point.mean, 2))
            for point in points.get(channel.pk, [])
            if point.mean is not None
        ]
        for channel in channels
    }
