"""The Sun's altitude, and the next sunrise, sunset, dawn and dusk of the three twilights; and what to do where the
station does not know its place. Django-free."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import asin, cos, degrees, radians, sin

SET_THE_SITE = "Set the site on the page Settings, or with `skycam settings site`"
"""The beginning of a sentence."""


J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)
LEAP = timedelta(seconds=69)
"""Terrestrial Time minus UTC, within a second from 2010 to 2050."""
# Only two passes within one step, at the edge of the polar day or night, are missed.
STEP = timedelta(minutes=10)
# More than a day: after a sunset, the next one is more than 24 h away while the days grow longer.
WITHIN = timedelta(hours=36)
EXACT = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class SunEvent:
    """The Sun's centre passes `altitude` (degrees, without refraction), upwards if `rises`."""

    words: str
    altitude: float
    rises: bool


RISE_SET = -0.833
"""The upper edge on a level horizon: 34' of refraction and 16' of radius."""
EVENTS = {
    "sunrise": SunEvent("sunrise", RISE_SET, True),
    "sunset": SunEvent("sunset", RISE_SET, False),
    "dawn": SunEvent("civil dawn, the Sun 6° below the horizon", -6, True),
    "dusk": SunEvent("civil dusk, the Sun 6° below the horizon", -6, False),
    "nautical dawn": SunEvent("nautical dawn, the Sun 12° below the horizon", -12, True),
    "nautical dusk": SunEvent("nautical dusk, the Sun 12° below the horizon", -12, False),
    "astronomical dawn": SunEvent("astronomical dawn, the Sun 18° below the horizon", -18, True),
    "astronomical dusk": SunEvent("astronomical dusk, the Sun 18° below the horizon", -18, False),
}


class NoSunEvent(ValueError):
    """The Sun does not pass this altitude in the next 36 hours; the message says on which side it stays."""


def sun_altitude(at: datetime, latitude: float, longitude: float) -> float:
    """Degrees of the Sun's centre above the horizon, without refraction; `at` is aware, north and east are positive.

    Within 0.01 degree from 1950 to 2050.
    Source: Meeus, Astronomical Algorithms, 2nd ed., ch. 12 (sidereal time), 13 (altitude), 25 (the Sun, low accuracy).
    """
    days = (at - J2000) / timedelta(days=1)
    century = (at + LEAP - J2000) / timedelta(days=36_525)
    anomaly = radians(357.52911 + 35_999.05029 * century - 0.0001537 * century**2)
    centre = (
        (1.914602 - 0.004817 * century) * sin(anomaly)
        + (0.019993 - 0.000101 * century) * sin(2 * anomaly)
        + 0.000289 * sin(3 * anomaly)
    )
    node = radians(125.04 - 1934.136 * century)
    ecliptic = radians(280.46646 + 36_000.76983 * century + centre - 0.00569 - 0.00478 * sin(node))
    tilt = radians(23.439291 - 0.0130042 * century + 0.00256 * cos(node))
    sidereal = radians(280.46061837 + 360.98564736629 * days + longitude)
    # The Sun as a vector, turned from the ecliptic to the equator, then to the meridian of the place.
    x, y, z = cos(ecliptic), cos(tilt) * sin(ecliptic), sin(tilt) * sin(ecliptic)
    towards_meridian = x * cos(sidereal) + y * sin(sidereal)
    north = radians(latitude)
    # Rounding may lead slightly beyond 1, for which `asin` raises.
    return degrees(asin(max(-1.0, min(1.0, z * sin(north) + towards_meridian * cos(north)))))


def next_sun_event(name: str, after: datetime, latitude: float, longitude: float) -> datetime:
    """The first time after `after` (aware) of one of EVENTS, in UTC, to the second. Raises NoSunEvent and KeyError."""
    event = EVENTS[name]

    def above(at: datetime) -> bool:
        return sun_altitude(at, latitude, longitude) > event.altitude

    def passed(at: datetime) -> bool:
        return above(at) == event.rises

    begin = after.astimezone(UTC)
    for number in range(WITHIN // STEP):
        low = begin + number * STEP
        if not passed(low) and passed(low + STEP):
            return _narrowed(low, low + STEP, passed)
    side = "above" if above(begin) else "below"
    raise NoSunEvent(f"No {name} in the next 36 hours here: the Sun stays {side} that altitude. Write a time instead.")


def _narrowed(low: datetime, high: datetime, passed: Callable[[datetime], bool]) -> datetime:
    """The first whole second, or the next one, at which `passed` is true; by bisection."""
    while high - low > EXACT:
        middle = low + (high - low) / 2
        low, high = (low, middle) if passed(middle) else (middle, high)
    return high.replace(microsecond=0) + EXACT  # so that the Sun has passed it at the returned time
