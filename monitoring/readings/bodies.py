"""Readings as JSON: columns instead of points, which are a third shorter and are what charts need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from monitoring.models import SensorChannel
from monitoring.readings.selectors import Point


class PointsBody(TypedDict):
    """`t` in seconds since 1970: that of the reading, or the beginning of the bucket."""

    t: list[float]
    mean: list[float | None]
    min: list[float | None]
    max: list[float | None]
    count: list[int]
    quality: list[int]


class ChannelReadingsBody(TypedDict):
    sensor: str
    channel: str
    quantity: str
    unit: str
    label: str
    sensor_label: str
    quantity_label: str
    digits: int
    interval_s: float
    points: PointsBody


ReadingsBody = TypedDict(
    "ReadingsBody",
    {
        "from": str, "to": str, "bucket_s": int, "source": str, "complete": bool,
        "channels": list[ChannelReadingsBody],
    },
)  # fmt: skip


def channel_readings_body(channel: SensorChannel, points: Sequence[Point]) -> ChannelReadingsBody:
    digits = channel.unit.digits + 2
    return ChannelReadingsBody(
        sensor=channel.sensor.name,
        channel=channel.key,
        quantity=channel.quantity,
        unit=channel.unit.unit,
        label=channel.display_name,
        sensor_label=channel.sensor.display_name,
        quantity_label=channel.unit.label,
        digits=channel.unit.digits,
        interval_s=channel.sensor.interval_s,
        points=PointsBody(
            t=[point.at_s for point in points],
            mean=_rounded([point.mean for point in points], digits),
            min=_rounded([point.minimum for point in points], digits),
            max=_rounded([point.maximum for point in points], digits),
            count=[point.number for point in points],
            quality=[point.quality for point in points],
        ),
    )


def _rounded(values: Sequence[float | None], digits: int) -> list[float | None]:
    return [None if value is None else round(value, digits) for value in values]
