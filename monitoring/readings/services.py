"""Requests for readings: their query parameters, and their answers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Self

from django.conf import settings
from django.db.models import QuerySet
from pydantic import Field, model_validator

from core.api.queries import Query
from core.times.timestamps import Moment
from monitoring.models import SensorChannel
from monitoring.readings.levels import DAY_S, MINUTE_S, SOURCES, TEN_MINUTES_S, Resolution, Wanted, choose_resolution
from monitoring.readings.selectors import Point, points_of, with_gaps

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
