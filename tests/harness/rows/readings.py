"""Sensors, channels and readings, as the sensors part writes them."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring.models import Reading, ReadingQuality, Sensor, SensorChannel
from monitoring.readings.aggregation import MINUTE_S, mark_due

NOON_S = 1_780_000_020
"""The first second of a minute, in May 2026."""


def channel_of(
    name: str = "roof", key: str = "t", quantity: str = "temperature", interval_s: float = 2.0, label: str = ""
) -> SensorChannel:
    """A channel of the sensor, which is added if it is not there."""
    sensor, _ = Sensor.objects.get_or_create(name=name, kind="simulated", host="main", interval_s=interval_s)
    return SensorChannel.objects.create(sensor=sensor, key=key, quantity=quantity, label=label)


def read(channel: SensorChannel, values: Iterable[float | None], from_s: float = NOON_S, every_s: float = 2.0) -> None:
    """One reading after another; None is a missing one."""
    write(
        Reading(
            channel=channel, at_ms=round((from_s + every_s * number) * 1000), value=value, quality=quality_of(value)
        )
        for number, value in enumerate(values)
    )


def quality_of(value: float | None) -> ReadingQuality:
    return ReadingQuality.MISSING if value is None else ReadingQuality.OK


def write(readings: Iterable[Reading]) -> None:
    rows = Reading.objects.bulk_create(list(readings))
    mark_due(MINUTE_S, ((row.channel_id, row.at_ms // 1000 // MINUTE_S * MINUTE_S) for row in rows))
