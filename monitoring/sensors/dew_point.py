"""The dew point, from temperature and humidity. Django-free."""

from __future__ import annotations

import math

# Over water, from -45 to 60 °C. Source: Sonntag 1990, Z. Meteorol. 70, 340.
B, C = 17.62, 243.12


def dew_point(temperature_celsius: float, humidity_percent: float) -> float | None:
    """The dew point in °C. None where it is not defined: dry air, or a temperature of -243.12 °C and below."""
    if not 0 < humidity_percent <= 100 or temperature_celsius <= -C:
        return None
    gamma = math.log(humidity_percent / 100) + B * temperature_celsius / (C + temperature_celsius)
    return C * gamma / (B - gamma) if gamma < B else None
