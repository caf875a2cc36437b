"""Where a telescope stands, and how high a place on the sky stands over it.

Times are Julian dates (UTC), hour angles and right ascensions hours, all other angles degrees.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import asin, cos, degrees, pi, radians, sin

SIDEREAL_RATE = 1.00273790935
"""Sidereal hours in an hour."""
UNIX_EPOCH = 2_440_587.5
"""1970-01-01 00:00 UTC."""
J2000 = 2_451_545.0
DAY_S = 86_400.0
HIGHEST_AIRMASS = 1000.0
"""At the horizon and below."""


@dataclass(frozen=True, slots=True)
class TelescopeSite:
    """Where a telescope stands; without arguments, the ESO 1-m Schmidt at La Silla, 4.7153 h west of Greenwich.

    ValueError for coordinates that cannot be.
    """

    latitude: float = -29.257
    """Degrees (WGS 84), north positive."""
    longitude: float = -70.7295
    """Degrees (WGS 84), east positive."""
    elevation: float = 2347.0
    """Metres above sea level. The C scheduler has the height above the horizon beside it, which is the same at its
    site."""

    def __post_init__(self) -> None:
        limits = (("latitude", 90, "°"), ("longitude", 180, "°"), ("elevation", 10_000, " m"))
        for name, limit, unit in limits:
            value = getattr(self, name)
            if not -limit <= value <= limit:
                raise ValueError(
                    f"The {name} of a site is {value:g}{unit}; it must be -{limit}{unit} to {limit}{unit}."
                )


def julian_date(at: datetime) -> float:
    """Of an aware time; to 0.04 ms."""
    return at.timestamp() / DAY_S + UNIX_EPOCH


def wall_seconds(jd: float) -> float:
    """Seconds since 1970, UTC."""
    return (jd - UNIX_EPOCH) * DAY_S


def time_of(jd: float) -> datetime:
    """In UTC."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=jd - UNIX_EPOCH)


def altitude(ha: float, dec: float, latitude: float) -> float:
    """Degrees above the horizon, without refraction, at the hour angle `ha`."""
    north, up = radians(dec), radians(latitude)
    sine = sin(north) * sin(up) + cos(north) * cos(up) * cos(ha * pi / 12)
    return degrees(asin(max(-1.0, min(1.0, sine))))


def airmass(altitude_deg: float) -> float:
    """The secant of the zenith distance, as the scheduler's limit has it; HIGHEST_AIRMASS at the horizon and below."""
    sine = sin(radians(altitude_deg))
    return min(1 / sine, HIGHEST_AIRMASS) if sine > 0 else HIGHEST_AIRMASS
