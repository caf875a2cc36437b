"""The horizon of a site: the altitude that hills, trees and buildings reach in each direction."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from math import degrees, isfinite, radians, sqrt, tan

from core.sky.bodies import Place
from core.sky.intervals import TWILIGHTS, Interval, intervals_below, subtract, union

LOWEST, HIGHEST = -5.0, 90.0
"""Degrees. A site above its surroundings sees below the horizontal plane."""
RADIUS = 16 / 60
"""Of the Sun's and the Moon's disc, in degrees."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """A mask of points (azimuth, altitude), in degrees, sorted by azimuth; straight lines join them around the circle.

    Without points it is the horizontal plane. ValueError for points that cannot be. Parts that are narrower than 2.5°,
    such as a mast, may be missed when a body passes behind them.
    """

    points: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", tuple(sorted(_checked(self.points))))

    @property
    def lowest(self) -> float:
        return min((altitude for _, altitude in self.points), default=0.0)

    @property
    def highest(self) -> float:
        return max((altitude for _, altitude in self.points), default=0.0)

    def altitude_at(self, azimuth: float) -> float:
        """The altitude of the mask at `azimuth`, both in degrees."""
        if not self.points:
            return 0.0
        azimuth %= 360
        after = bisect_right(self.points, (azimuth, HIGHEST))
        (left, low), (right, high) = self.points[after - 1], self.points[after % len(self.points)]
        width = (right - left) % 360
        return low if width == 0 else low + (high - low) * ((azimuth - left) % 360) / width


def _checked(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    found: dict[float, float] = {}
    for azimuth, altitude in points:
        if not (isfinite(azimuth) and 0 <= azimuth < 360):
            raise ValueError(f"The azimuth {azimuth:g}° of the horizon must be at least 0° and less than 360°.")
        if not LOWEST <= altitude <= HIGHEST:
            raise ValueError(
                f"The horizon's altitude at azimuth {azimuth:g}° is {altitude:g}°; it must be from "
                f"{LOWEST:g}° to {HIGHEST:g}°."
            )
        if azimuth in found:
            raise ValueError(f"The horizon has the azimuth {azimuth:g}° twice. Remove one of the points.")
        found[azimuth] = altitude
    return list(found.items())


def intervals_set(
    place_of: Callable[[datetime], Place], horizon: Horizon, begin: datetime, end: datetime, fastest: float
) -> list[Interval]:
    """When the Sun or the Moon has set: its upper edge, lifted by refraction, is behind the mask. Its altitude never
    changes by more than `fastest` degrees an hour.

    Without points its centre is then below -0.833°, as in almanacs, which have no mask.
    """
    if not horizon.points:
        return intervals_below(lambda at: place_of(at).altitude, TWILIGHTS["sunset"], begin, end, fastest)

    def edge(altitude: float) -> float:
        return altitude - refraction(altitude) - RADIUS

    low, high = edge(horizon.lowest), edge(horizon.highest)
    return _hidden(place_of, lambda azimuth: edge(horizon.altitude_at(azimuth)), (low, high), begin, end, fastest)


def intervals_hidden(
    place_of: Callable[[datetime], Place],
    horizon: Horizon,
    max_altitude: float,
    begin: datetime,
    end: datetime,
    fastest: float,
) -> list[Interval]:
    """When the centre of a body is at most `max_altitude` above the mask, in degrees without refraction: behind it with
    0. Its altitude never changes by more than `fastest` degrees an hour."""

    def limit_at(azimuth: float) -> float:
        return horizon.altitude_at(azimuth) + max_altitude

    limits = horizon.lowest + max_altitude, horizon.highest + max_altitude
    return _hidden(place_of, limit_at, limits, begin, end, fastest)


def _hidden(
    place_of: Callable[[datetime], Place],
    limit_at: Callable[[float], float],
    limits: tuple[float, float],
    begin: datetime,
    end: datetime,
    fastest: float,
) -> list[Interval]:
    """When a body is at or below `limit_at(azimuth)`, of which `limits` are the least and the greatest."""
    low, high = limits
    below_all = intervals_below(lambda at: place_of(at).altitude, low, begin, end, fastest)
    if low == high:
        return below_all

    def over(at: datetime) -> float:
        place = place_of(at)
        return place.altitude - limit_at(place.azimuth)

    below_any = intervals_below(lambda at: place_of(at).altitude, high, begin, end, fastest)
    # Only between both limits the azimuth decides. The mask may be steep, so that nothing limits how fast it passes:
    # parts of it that are narrower than the body's way in 10 minutes, 2.5°, may be missed.
    between = subtract(below_any, below_all)
    return union(below_all, *(intervals_below(over, 0.0, *one, fastest=None) for one in between))


def horizon_dip(height: float) -> float:
    """By how much the sea's horizon is below the horizontal plane, in degrees, seen from `height` metres above the sea;
    0 below it. Without refraction. Source: the Earth's radius of 6378.14 km, to the first order of the height."""
    return degrees(sqrt(2 * max(height, 0.0) / 6_378_140))


def refraction(altitude: float) -> float:
    """By how much the air lifts what is seen at `altitude`, in degrees, at 10 °C and 1010 hPa; below 0° as at 0°.

    Source: Bennett 1982, in Meeus, Astronomical Algorithms, 2nd ed., ch. 16.
    """
    seen = max(altitude, 0.0)
    return 1 / tan(radians(seen + 7.31 / (seen + 4.4))) / 60
