"""Requests for readings: their query parameters, their answers, and the one query for a range of time, whatever the
number of channels; and the temperatures of the last day, for the dashboard."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Annotated, Any, NamedTuple, Self

from django.conf import settings
from django.db.models import Avg, Count, F, Max, Min, Q, QuerySet, Sum
from pydantic import Field, model_validator

from core.api.queries import Query
from core.times.timestamps import Moment
from monitoring.models import Reading, ReadingAggregate, ReadingQuality, SensorChannel
from monitoring.readings.aggregation import (
    DAY_S,
    MINUTE_S,
    SOURCES,
    TEN_MINUTES_S,
    Resolution,
    Wanted,
    choose_resolution,
    mean_of_means,
)

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


Text = Annotated[str, Field(max_length=80, pattern=r"^[^\x00]*$")]
MAX_POINTS = 2000
"""Points of a channel, unless the request names another limit."""
MAX_BUCKET_S = 366 * DAY_S
MAX_RAW_DAYS = 31


class RangeQuery(Query):
    """Channels and a range of time, by default the last day. A filter that matches nothing is no error."""

    sensor: Annotated[Text | None, Field(description="A sensor's name.")] = None
    channel: Annotated[Text | None, Field(description="The key of a channel.")] = None
    quantity: Annotated[Text | None, Field(description="Such as temperature.")] = None
    from_: Annotated[Moment | None, Field(alias="from", description="Not before; ISO 8601 with a zone.")] = None
    to: Annotated[Moment | None, Field(description="Before; ISO 8601 with a zone.")] = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        start, end = self.span()
        if start >= end:
            raise ValueError("`from` must be before `to`, which is now if it is missing.")
        if start < 0:
            raise ValueError("`from` must not be before 1970.")
        return self

    def span(self) -> tuple[float, float]:
        """Both ends in seconds since 1970."""
        end = self.to.timestamp() if self.to else time.time()
        return self.from_.timestamp() if self.from_ else end - DAY_S, end

    def channels(self) -> QuerySet[SensorChannel]:
        wanted = {"sensor__name": self.sensor, "key": self.channel, "quantity": self.quantity}
        given = {name: value for name, value in wanted.items() if value is not None}
        # The readings of a removed sensor are deleted in the background; another sensor may have its name.
        found = SensorChannel.objects.filter(sensor__removed_at=None, **given)
        return found.select_related("sensor").order_by("sensor__name", "key", "quantity")


class ReadingQuery(RangeQuery):
    bucket: Annotated[
        int, Field(ge=0, le=MAX_BUCKET_S, description="Seconds of a point; 0 for what fits the range best.")
    ] = 0
    limit: Annotated[int, Field(ge=10, le=10_000, description="Points of a channel, at most.")] = MAX_POINTS

    @model_validator(mode="after")
    def _has_few_points(self) -> Self:
        start, end = self.span()
        points = (end - start) / self.bucket if self.bucket else 0
        if points > self.limit:
            raise ValueError(
                f"`bucket`: {self.bucket} s would be {points:.0f} points of each channel, more than {self.limit}. "
                "Choose a longer bucket, a shorter range or a higher `limit`."
            )
        return self


class ExportQuery(RangeQuery):
    bucket: Annotated[int, Field(description="0 for each reading; 60, 600, 3600 or 86400 for aggregates.")] = 0

    @model_validator(mode="after")
    def _can_be_streamed(self) -> Self:
        if self.bucket not in SOURCES:
            raise ValueError("`bucket` must be 0, 60, 600, 3600 or 86400.")
        start, end = self.span()
        if not self.bucket and end - start > MAX_RAW_DAYS * DAY_S:
            raise ValueError(
                f"Readings are exported for at most {MAX_RAW_DAYS} days at once. "
                "Choose a shorter range, or minutes with `bucket=60`."
            )
        return self


ANSWER_CHANNELS = 100
"""Channels of one answer."""


@dataclass(frozen=True, slots=True)
class Points:
    """Columns of points; of the values, two digits more than people read."""

    t: list[float]
    mean: list[float | None]
    min: list[float | None]
    max: list[float | None]
    count: list[int]
    quality: list[int]

    @classmethod
    def of(cls, points: Sequence[Point], digits: int) -> Points:
        return cls(
            t=[point.at_s for point in points],
            mean=rounded([point.mean for point in points], digits),
            min=rounded([point.minimum for point in points], digits),
            max=rounded([point.maximum for point in points], digits),
            count=[point.number for point in points],
            quality=[point.quality for point in points],
        )


def rounded(values: Sequence[float | None], digits: int) -> list[float | None]:
    return [None if value is None else round(value, digits) for value in values]


@dataclass(frozen=True, slots=True)
class ChannelReadings:
    channel: SensorChannel
    points: Points


@dataclass(frozen=True, slots=True)
class Readings:
    """`complete`: there are no more channels."""

    from_: datetime
    to: datetime
    resolution: Resolution
    complete: bool
    channels: list[ChannelReadings]


def readings(query: ReadingQuery) -> Readings:
    """The points of the channels, with gaps. Two queries."""
    found = list(query.channels()[: ANSWER_CHANNELS + 1])
    channels = found[:ANSWER_CHANNELS]
    start_s, end_s = query.span()
    resolution = resolution_of(query, channels)
    points = points_of([channel.pk for channel in channels], start_s, end_s, resolution)
    shown = []
    for channel in channels:
        whole = with_gaps(points.get(channel.pk, []), resolution.bucket_s, channel.sensor.interval_s)
        shown.append(ChannelReadings(channel, Points.of(whole, channel.unit.digits + 2)))
    begin, end = datetime.fromtimestamp(start_s, UTC), datetime.fromtimestamp(end_s, UTC)
    return Readings(begin, end, resolution, len(found) <= ANSWER_CHANNELS, shown)


def resolution_of(query: ReadingQuery, channels: list[SensorChannel]) -> Resolution:
    start_s, end_s = query.span()
    kept = settings.STATION.monitoring.readings
    days = {0: kept.raw_days, MINUTE_S: kept.minute_days, TEN_MINUTES_S: kept.minute_days}
    return choose_resolution(
        Wanted(
            span_s=end_s - start_s,
            age_s=time.time() - start_s,
            intervals_s=[channel.sensor.interval_s for channel in channels],
            kept_s={level: number * DAY_S for level, number in days.items() if number},
            bucket_s=query.bucket,
            limit=query.limit,
        )
    )
