"""The sky by astropy, which here computes with the tables that it brings along and downloads nothing."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from datetime import datetime
from typing import Any, ParamSpec, TypeVar

import astropy.units as u
from astropy.coordinates import TETE, AltAz, BarycentricMeanEcliptic, EarthLocation, HADec, SkyCoord, get_body
from astropy.time import Time
from astropy.utils import iers
from astropy.utils.exceptions import AstropyWarning
from erfa import ErfaWarning

from core.sky.equatorial import Equatorial

iers.conf.auto_download = False
iers.conf.auto_max_age = None
iers.conf.iers_degraded_accuracy = "ignore"

Coordinates = tuple[float, float, float]
"""Degrees north, degrees east, metres."""
P = ParamSpec("P")
T = TypeVar("T")


def _beyond_its_tables(function: Callable[P, T]) -> Callable[P, T]:
    """Astropy warns of times after its tables of the Earth's rotation; a second of it is 0.0003 h."""

    @functools.wraps(function)
    def quiet(*args: P.args, **kwargs: P.kwargs) -> T:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            warnings.simplefilter("ignore", ErfaWarning)
            return function(*args, **kwargs)

    return quiet


@_beyond_its_tables
def altitude_by_astropy(place: Equatorial, at: datetime, site: Coordinates) -> float:
    """Degrees, without refraction, of a place of the equinox J2000."""
    frame = AltAz(obstime=Time(at), location=_location(site))
    return float(coordinates(place).transform_to(frame).alt.deg)


@_beyond_its_tables
def hour_angle_by_astropy(place: Equatorial, at: datetime, site: Coordinates) -> float:
    """Hours, of a place of the equinox J2000."""
    frame = HADec(obstime=Time(at), location=_location(site))
    return float(coordinates(place).transform_to(frame).ha.hour)


@_beyond_its_tables
def sun_altitude_by_astropy(at: datetime, site: Coordinates) -> float:
    """Degrees of the Sun's centre, without refraction."""
    time = Time(at)
    frame = AltAz(obstime=time, location=_location(site))
    return float(get_body("sun", time, _location(site)).transform_to(frame).alt.deg)


@_beyond_its_tables
def moon_by_astropy(at: datetime, site: Coordinates) -> Equatorial:
    """As seen from the site, of the equinox of the time."""
    time = Time(at)
    frame = TETE(obstime=time, location=_location(site))
    return _equatorial(get_body("moon", time, _location(site)).transform_to(frame))


@_beyond_its_tables
def star_by_astropy(place: Equatorial, at: datetime) -> Equatorial:
    """A place of the equinox J2000 as seen from the Earth's centre, of the equinox of the time."""
    return _equatorial(coordinates(place).transform_to(TETE(obstime=Time(at))))


@_beyond_its_tables
def ecliptic_by_astropy(place: Equatorial) -> tuple[float, float]:
    """Longitude and latitude of the equinox J2000."""
    found = coordinates(place).transform_to(BarycentricMeanEcliptic())
    return float(found.lon.deg), float(found.lat.deg)


def coordinates(place: Equatorial) -> Any:
    return SkyCoord(place.ra * u.hourangle, place.dec * u.deg, frame="icrs")


def _location(site: Coordinates) -> Any:
    latitude, longitude, elevation = site
    return EarthLocation.from_geodetic(longitude * u.deg, latitude * u.deg, elevation * u.m)


def _equatorial(found: Any) -> Equatorial:
    return Equatorial(float(found.ra.hour), float(found.dec.deg))
