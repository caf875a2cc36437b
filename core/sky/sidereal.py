"""Sidereal time and hour angle."""

from __future__ import annotations

J2000_S = 946_728_000.0
"""2000-01-01 12:00:00 UTC, in seconds since 1970."""
DAY_S = 86_400.0
CENTURY_DAYS = 36_525.0
TT_AHEAD_S = 69.184
"""Terrestrial Time minus UTC since 2017; 57 s in 1990. A minute of it changes the sidereal time by 0.6 µs."""
PRECESSION = (0.014506, 4612.156534, 1.3915817, -0.00000044, -0.000029956)
"""Of the equinox in right ascension, in arcseconds: factors of the powers of the centuries since J2000."""


def local_sidereal_hours(wall_s: float, longitude_deg: float) -> float:
    """The local mean sidereal time, in hours, at least 0 and less than 24.

    `wall_s` are seconds since 1970, UTC; `longitude_deg` is in degrees, east positive. UTC is taken for UT1, from which
    it differs by less than 0.9 s: at most 0.00025 h. The apparent sidereal time differs by the equation of the
    equinoxes: at most 0.00033 h.
    Source: the Earth rotation angle of IAU 2000 (Capitaine et al. 2000) and the precession of IAU 2006 (Capitaine,
    Wallace and Chapront 2003), as in IERS Conventions 2010, eqs. 5.15 and 5.32.
    """
    days = (wall_s - J2000_S) / DAY_S
    # The whole turns are left out first: as a fraction of many turns the angle would lose digits.
    turns = days % 1 + 0.7790572732640 + 0.00273781191135448 * days
    centuries = (days + TT_AHEAD_S / DAY_S) / CENTURY_DAYS
    arcseconds = sum(factor * centuries**power for power, factor in enumerate(PRECESSION))
    return _within_day(turns * 24 + (arcseconds / 3600 + longitude_deg) / 15)


def hour_angle(lst: float, ra: float) -> float:
    """How long ago a right ascension passed the meridian, in hours, at least -12 and less than 12; west positive.

    `lst` and `ra` are in hours, of the same equinox.
    """
    return _within_day(lst - ra + 12) - 12


def _within_day(hours: float) -> float:
    # A tiny negative number modulo 24 is 24 in floating point.
    within = hours % 24
    return within if within < 24 else 0.0
