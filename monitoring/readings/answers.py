"""Readings as JSON: columns instead of points, which are a third shorter and are what charts need. Django-free."""

from __future__ import annotations

from typing import Annotated

from core.resources.fields import Fields, field
from core.resources.values import Column
from core.times.timestamps import Stamp


class PointsBody(Fields):
    """`t` in seconds since 1970: that of the reading, or the beginning of the bucket."""

    t: list[float]
    mean: list[float | None]
    min: list[float | None]
    max: list[float | None]
    count: list[int]
    quality: list[int]


class ChannelReadingsBody(Fields):
    sensor: Annotated[str, Column("channel.sensor.name")]
    channel: Annotated[str, Column("channel.key")]
    quantity: Annotated[str, Column("channel.quantity")]
    unit: Annotated[str, Column("channel.unit.unit")]
    label: Annotated[str, Column("channel.display_name")]
    sensor_label: Annotated[str, Column("channel.sensor.display_name")]
    quantity_label: Annotated[str, Column("channel.unit.label")]
    digits: Annotated[int, Column("channel.unit.digits")]
    interval_s: Annotated[float, Column("channel.sensor.interval_s")]
    points: PointsBody


class ReadingsBody(Fields):
    from_: Stamp = field(alias="from")
    to: Stamp
    bucket_s: Annotated[int, Column("resolution.bucket_s")]
    source: Annotated[str, Column("resolution.source")]
    complete: bool
    channels: list[ChannelReadingsBody]
