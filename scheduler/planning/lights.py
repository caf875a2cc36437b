"""The light of a night and its hours, as parts of a drawing. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from core.sky.intervals import Interval
from scheduler.planning.sky import NightSky

WIDTH = 1000.0
"""Of the drawing, in its own units."""
MARGIN = timedelta(hours=1)
"""Before sunset and after sunrise."""
LIGHTS = ((-0.833, "day"), (-6.0, "civil"), (-12.0, "nautical"), (-18.0, "astronomical"))
"""Altitude of the Sun in degrees -> the light above it."""


@dataclass(frozen=True, slots=True)
class Band:
    """A part of the drawing; `x` and `width` in units of WIDTH."""

    kind: str
    x: float
    width: float
    title: str = ""


@dataclass(frozen=True, slots=True)
class Hour:
    x: float
    at: datetime


def lights_of(sky: NightSky) -> Iterable[tuple[str, datetime, datetime]]:
    """Light, begin and end, by the sampled altitudes of the Sun."""
    samples = [(at, light_of(altitude)) for at, altitude in sky.sun_altitudes]
    for light, group in groupby(samples, key=lambda one: one[1]):
        times = [at for at, _ in group]
        yield light, times[0], times[-1] + (samples[1][0] - samples[0][0])


def light_of(altitude: float) -> str:
    return next((name for limit, name in LIGHTS if altitude > limit), "dark")


def clipped(intervals: Iterable[Interval], begin: datetime, end: datetime) -> list[Interval]:
    return [(max(first, begin), min(last, end)) for first, last in intervals if first < end and last > begin]
