"""Equatorial, galactic and ecliptic coordinates: where the stars of a list and the Moon stand at a time.

Right ascensions are in hours, all other angles in degrees.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from math import asin, atan2, cos, degrees, pi, radians, sin

import ephem

GALACTIC_POLE = (192.85948, 27.12825)
"""Right ascension and declination, J2000, in degrees."""
NORTH_POLE_LONGITUDE = 122.93192
"""The galactic longitude of the celestial north pole."""


@dataclass(frozen=True, slots=True)
class Equatorial:
    """A direction on the sky. Its equinox is said where it is made."""

    ra: float
    """Hours, at least 0 and less than 24."""
    dec: float
    """Degrees north."""


def apparent_places(catalogue: Iterable[Equatorial], at: datetime) -> list[Equatorial]:
    """Places of the equinox J2000 as they are seen from the Earth's centre at the aware time `at`, of the equinox of
    that time: with precession, nutation and aberration. Proper motion is not known.

    Within 0.001° from 1950 to 2049. A place takes about 12 µs.
    Source: libastro of XEphem, in PyEphem.
    """
    # A new body for each call: bodies must not be shared between threads.
    star, date = ephem.FixedBody(), ephem.Date(at)
    star._epoch = ephem.J2000  # noqa: SLF001 PyEphem documents these names as public.
    found = []
    for place in catalogue:
        star._ra, star._dec = place.ra * pi / 12, radians(place.dec)  # noqa: SLF001
        star.compute(date)
        found.append(_equatorial(star.g_ra, star.g_dec))
    return found


def moon_direction(at: datetime, latitude: float, longitude: float, elevation: float = 0.0) -> Equatorial:
    """The Moon at the aware time `at`, as seen from a site, of the equinox of that time.

    `latitude` and `longitude` are in degrees (WGS 84), north and east positive; `elevation` is in metres above sea
    level. Within 0.01° from 1950 to 2049. Source: libastro of XEphem, in PyEphem.
    """
    site, moon = ephem.Observer(), ephem.Moon()
    # As numbers, because PyEphem reads numbers as radians and text as degrees.
    site.lat, site.lon, site.elevation = radians(latitude), radians(longitude), elevation
    site.pressure = 0
    site.date = at
    moon.compute(site)
    return _equatorial(moon.ra, moon.dec)


def separation(one: Equatorial, other: Equatorial) -> float:
    """Degrees between two directions of the same equinox, 0 to 180.

    Source: Vincenty's formula of the great circle, which is exact also for small and large angles.
    """
    across = (one.ra - other.ra) * pi / 12
    here, there = radians(one.dec), radians(other.dec)
    east = cos(there) * sin(across)
    north = cos(here) * sin(there) - sin(here) * cos(there) * cos(across)
    along = sin(here) * sin(there) + cos(here) * cos(there) * cos(across)
    return degrees(atan2((east * east + north * north) ** 0.5, along))


def galactic(place: Equatorial) -> tuple[float, float]:
    """The galactic longitude (0 to 360) and latitude of a place of the equinox J2000.

    Source: ESA 1997, The Hipparcos and Tycho Catalogues, vol. 1, section 1.5.3.
    """
    ra, dec = place.ra * pi / 12, radians(place.dec)
    pole_ra, pole_dec = (radians(angle) for angle in GALACTIC_POLE)
    latitude = _asin(sin(dec) * sin(pole_dec) + cos(dec) * cos(pole_dec) * cos(ra - pole_ra))
    across = cos(dec) * sin(ra - pole_ra)
    along = sin(dec) * cos(pole_dec) - cos(dec) * sin(pole_dec) * cos(ra - pole_ra)
    return _within(NORTH_POLE_LONGITUDE - degrees(atan2(across, along)), 360), degrees(latitude)


def ecliptic(place: Equatorial, julian_date: float) -> tuple[float, float]:
    """The ecliptic longitude (0 to 360) and latitude of a place. Both are of the equinox of `julian_date`.

    Source: Meeus, Astronomical Algorithms, 2nd ed., eqs. 13.1, 13.2 and 22.2 (mean obliquity).
    """
    centuries = (julian_date - 2_451_545.0) / 36_525
    obliquity = radians(23.4392911 - 0.0130042 * centuries)
    ra, dec = place.ra * pi / 12, radians(place.dec)
    latitude = _asin(sin(dec) * cos(obliquity) - cos(dec) * sin(obliquity) * sin(ra))
    longitude = atan2(sin(ra) * cos(dec) * cos(obliquity) + sin(dec) * sin(obliquity), cos(ra) * cos(dec))
    return _within(degrees(longitude), 360), degrees(latitude)


def _equatorial(ra: float, dec: float) -> Equatorial:
    return Equatorial(_within(float(ra) * 12 / pi, 24), degrees(dec))


def _within(value: float, turn: float) -> float:
    # A tiny negative number modulo a turn is the turn in floating point.
    return value % turn % turn


def _asin(value: float) -> float:
    # Rounding may leave the range by a last digit.
    return asin(max(-1.0, min(1.0, value)))
