"""When places on the sky are high enough in the dark part of a night, for all fields of a list at once."""

from __future__ import annotations

from collections.abc import Sequence
from math import radians

import numpy as np
from numpy.typing import NDArray

from core.sky.equatorial import Equatorial
from core.sky.sidereal import local_sidereal_hours
from scheduler.telescope.night.night import Night
from scheduler.telescope.night.sky import SIDEREAL_RATE, wall_seconds

Floats = NDArray[np.float64]

MAX_AIRMASS = 2.0
MAX_HOUR_ANGLE_H = 4.3


def observable_windows(places: Sequence[Equatorial], night: Night, begin: float) -> tuple[Floats, Floats]:
    """The first and the last time between `begin` (not before the night's own) and the end of the night at which each
    place has an airmass below MAX_AIRMASS and an hour angle of less than MAX_HOUR_ANGLE_H to both sides.

    Julian dates; NaN where there is none. `places` are of the equinox of the date.
    """
    begin, end = max(begin, night.begin), night.end
    ra = np.array([place.ra for place in places], np.float64)
    widest = widest_hour_angles(np.array([place.dec for place in places], np.float64), night.site.latitude)
    lst = local_sidereal_hours(wall_seconds(begin), night.site.longitude)
    at_begin = _within_half_a_day(lst - ra)
    at_end = _within_half_a_day(lst - ra + (end - begin) * 24 * SIDEREAL_RATE)
    until_rise = np.where(np.abs(at_begin) < widest, 0.0, (-widest - at_begin) % 24)
    since_set = np.where(np.abs(at_end) < widest, 0.0, (at_end - widest) % 24)
    rises = begin + until_rise / SIDEREAL_RATE / 24
    never = (widest <= 0) | (rises > end) | (begin >= end)
    return np.where(never, np.nan, rises), np.where(never, np.nan, end - since_set / SIDEREAL_RATE / 24)


def widest_hour_angles(dec: Floats, latitude: float) -> Floats:
    """The hour angles, to both sides, up to which places of these declinations are observable; 0 where never."""
    lowest_sine = 1 / MAX_AIRMASS
    north, up = np.radians(dec), radians(latitude)
    cosines = (lowest_sine - np.sin(north) * np.sin(up)) / (np.cos(north) * np.cos(up))
    hours: Floats = np.degrees(np.arccos(np.clip(cosines, -1, 1))) / 15
    return np.minimum(hours, MAX_HOUR_ANGLE_H)


def _within_half_a_day(hours: Floats) -> Floats:
    within: Floats = (hours + 12) % 24 - 12
    return within
