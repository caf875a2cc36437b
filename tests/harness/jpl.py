"""The Sun and the Moon by Skyfield with the JPL ephemeris DE421."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import ephem
import numpy as np
from skyfield.api import Loader, wgs84
from skyfield_data import get_skyfield_data_path

from core.sky.bodies import Place

Coordinates = tuple[float, float, float]
"""Degrees north, degrees east, metres."""


@functools.cache
def jpl() -> tuple[Loader, Any]:
    with warnings.catch_warnings():
        # skyfield-data warns when its tables of the Earth's rotation are old; these tests use none of them.
        warnings.simplefilter("ignore", RuntimeWarning)
        load = Loader(get_skyfield_data_path(), verbose=False)
    return load, load("de421.bsp")


def moment(at: datetime) -> Any:
    """`at` in Skyfield, with PyEphem's difference between the Earth's rotation and uniform time. Forecasts of it for
    2049 differ by ten seconds, in which the Moon moves by 0.005°."""
    scale = jpl()[0].timescale(delta_t=ephem.delta_t(at))
    return scale.ut1(at.year, at.month, at.day, at.hour, at.minute, at.second + at.microsecond / 1e6)


def place_by_jpl(body: str, at: datetime, site: Coordinates) -> Place:
    altitude, azimuth = directions(body, moment(at), site)
    return Place(float(altitude.degrees), float(azimuth.degrees))


def altitudes_by_jpl(body: str, times: Sequence[datetime], site: Coordinates) -> list[float]:
    """In degrees, at times within a few days, all at once: a hundred are computed as quickly as one."""
    first = times[0]
    scale = jpl()[0].timescale(delta_t=ephem.delta_t(first))
    seconds = np.array([(at - first).total_seconds() + first.second + first.microsecond / 1e6 for at in times])
    altitude, _ = directions(
        body, scale.ut1(first.year, first.month, first.day, first.hour, first.minute, seconds), site
    )
    return [float(degrees) for degrees in altitude.degrees]


def directions(body: str, moments: Any, site: Coordinates) -> tuple[Any, Any]:
    """Altitude and azimuth at one moment, or at each of many."""
    earth = jpl()[1]["earth"] + wgs84.latlon(*site)
    altitude, azimuth, _ = earth.at(moments).observe(jpl()[1][body]).apparent().altaz()
    return altitude, azimuth
