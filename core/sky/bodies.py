"""Where the Sun and the Moon stand, and how much of the Moon is lit.

PyEphem takes UTC for UT1, from which it differs by less than 0.9 s since 1972: at most 0.004° of the Earth's rotation.
The Moon's place in the future depends on a forecast of that rotation as well, by 2049 to about 0.006°.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import degrees, radians

import ephem


@dataclass(frozen=True, slots=True)
class Place:
    """Where a body's centre stands in the sky, in degrees, without refraction."""

    altitude: float
    """Above the horizon."""
    azimuth: float
    """From north through east, 0 to 360."""


def sun_place(at: datetime, latitude: float, longitude: float, elevation: float = 0.0) -> Place:
    """The Sun at the aware time `at`, as seen from a site.

    `latitude` and `longitude` are in degrees (WGS 84), north and east positive; `elevation` is in metres above sea
    level. Within 0.001° from 1950 to 2049. Source: VSOP87, in PyEphem.
    """
    return _place(ephem.Sun(), at, latitude, longitude, elevation)


def moon_place(at: datetime, latitude: float, longitude: float, elevation: float = 0.0) -> Place:
    """The Moon at the aware time `at`, as seen from a site, which changes its altitude by up to 1°.

    `latitude` and `longitude` are in degrees (WGS 84), north and east positive; `elevation` is in metres above sea
    level. Within 0.002° from 1950 to 2049. Source: libastro of XEphem, in PyEphem.
    """
    return _place(ephem.Moon(), at, latitude, longitude, elevation)


def moon_phase(at: datetime) -> float:
    """The illuminated share of the Moon's disc at the aware time `at`, seen from the Earth's centre: 0 at new moon, 1
    at full moon; within 0.003. Source: libastro of XEphem, in PyEphem."""
    moon = ephem.Moon()
    moon.compute(at)
    return float(moon.moon_phase)


def _place(body: ephem.Body, at: datetime, latitude: float, longitude: float, elevation: float) -> Place:
    # A new one for each call: observers and bodies must not be shared between threads.
    site = ephem.Observer()
    # As numbers, because PyEphem reads numbers as radians and text as degrees.
    site.lat, site.lon, site.elevation = radians(latitude), radians(longitude), elevation
    site.pressure = 0
    site.date = at
    body.compute(site)
    return Place(degrees(body.alt), degrees(body.az))
