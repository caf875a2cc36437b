"""Answers requests for readings."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings

from monitoring.models import SensorChannel
from monitoring.readings.levels import DAY_S, MINUTE_S, TEN_MINUTES_S
from monitoring.readings.requests import ReadingQuery
from monitoring.readings.resolution import Resolution, Wanted, choose_resolution
from monitoring.readings.selectors import Point, points_of, with_gaps

MAX_CHANNELS = 100
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
    found = list(query.channels()[: MAX_CHANNELS + 1])
    channels = found[:MAX_CHANNELS]
    start_s, end_s = query.span()
    resolution = resolution_of(query, channels)
    points = points_of([channel.pk for channel in channels], start_s, end_s, resolution)
    shown = []
    for channel in channels:
        whole = with_gaps(points.get(channel.pk, []), resolution.bucket_s, channel.sensor.interval_s)
        shown.append(ChannelReadings(channel, Points.of(whole, channel.unit.digits + 2)))
    begin, end = datetime.fromtimestamp(start_s, UTC), datetime.fromtimestamp(end_s, UTC)
    return Readings(begin, end, resolution, len(found) <= MAX_CHANNELS, shown)


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
