"""The dew point, from temperature and humidity. Django-free."""

from __future__ import annotations

import math
from collections.abc import Sequence

from core.readings.reading import JudgedReading
from monitoring.sensors.messages import SampleMessage

DEW_POINT = "dew_point"

# Over water, from -45 to 60 °C. Source: Sonntag 1990, Z. Meteorol. 70, 340.
B, C = 17.62, 243.12


def dew_point(temperature_celsius: float, humidity_percent: float) -> float | None:
    """The dew point in °C. None where it is not defined: dry air, or a temperature of -243.12 °C and below."""
    if not 0 < humidity_percent <= 100 or temperature_celsius <= -C:
        return None
    gamma = math.log(humidity_percent / 100) + B * temperature_celsius / (C + temperature_celsius)
    return C * gamma / (B - gamma) if gamma < B else None


def dew_point_sample(readings: Sequence[JudgedReading]) -> SampleMessage | None:
    """The computed dew point of a sensor that has none, with one temperature and one humidity: only then they belong
    together for certain."""
    if any(reading.quantity == DEW_POINT for reading in readings):
        return None
    temperatures = [one for one in readings if one.quantity == "temperature"]
    humidities = [one for one in readings if one.quantity == "humidity"]
    if len(temperatures) != 1 or len(humidities) != 1:
        return None
    temperature, humidity = temperatures[0], humidities[0]
    if {temperature.quality, humidity.quality} != {"ok"} or temperature.value is None or humidity.value is None:
        return None
    value = dew_point(temperature.value, humidity.value)
    if value is None:
        return None
    return SampleMessage(
        channel=DEW_POINT, quantity=DEW_POINT, value=value, label="Dew point (computed)", age_s=0.0, is_valid=True
    )
