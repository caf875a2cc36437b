"""Sensors and readings as rows."""

from __future__ import annotations

from typing import Any

from core.readings.reading import JudgedReading, Quality
from monitoring.models import Sensor

SIMULATED = {"temperature": 10.0, "amplitude": 5.0, "humidity": 60.0, "fault": "none"}


def make_sensor(name: str = "balcony", **fields: Any) -> Sensor:
    return Sensor.objects.create(**{"name": name, "kind": "simulated", "host": "main", "settings": SIMULATED, **fields})


def judged(
    sensor: Sensor, at_ms: int, value: float | None = 20.0, quality: Quality = "ok", channel: str = "t"
) -> JudgedReading:
    return JudgedReading(str(sensor.pk), sensor.name, channel, "temperature", "", at_ms, value, quality)
