"""The luminance of the clear sky in cd/m², from noon to a moonless night.

| Sun's altitude | darkest part of the sky, cd/m² | source |
|---|---|---|
| 60° | 1500 | a diffuse illuminance of 13 klx with the distribution of CIE type 12 (ISO 15469) |
| 30° | 1100 | 9 klx |
| 10° | 550 | 4.5 klx |
| 0° | 90 | 0.76 klx: Janiczek and DeYoung 1987, USNO Circular 171 |
| -5° | 2.0 | Patat et al. 2006, A&A 455, 385, table 1 (V): 11.84 mag/arcsec² at the zenith |
| -6°, end of civil twilight | 0.52 | the same: 13.3 |
| -9° | 0.017 | the same: 17.0 |
| -12°, end of nautical twilight | 0.0013 | the same: 19.7, less the dark night |
| -15° | 0.00012 | the same: 21.3, less the dark night |
| -18°, end of astronomical twilight | 0.000008 | below the dark night |
| dark night | 0.0004 | 21.1 mag/arcsec², a rural site; Paranal has 0.0002 |

Magnitudes in V become cd/m² by 108000 x 10^(-0.4 m). Moonlight: Krisciunas and Schaefer 1991, PASP 103, 1033.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cameras.drivers.simulated.scenes.base import Light
from cameras.drivers.simulated.scenes.optics import Angle, Fisheye
from core.sky.bodies import Place

SUNLIT_SKY = (
    # the Sun's altitude in degrees, cd/m²
    (-90.0, 1e-12), (-24.0, 1e-8), (-18.0, 8e-6), (-15.0, 1.2e-4), (-12.0, 1.3e-3), (-9.0, 1.7e-2), (-6.0, 0.52),
    (-5.0, 2.0), (0.0, 90.0), (5.0, 330.0), (10.0, 550.0), (30.0, 1100.0), (60.0, 1500.0), (90.0, 1700.0),
)  # fmt: skip
DARK_SKY = 4e-4
SUN_LX, FULL_MOON_LX = 128_000.0, 0.263
"""Illuminance above the atmosphere, on a surface that faces the body."""
EXTINCTION = 0.21
"""Of one air mass, as an exponent: a clear sky of 0.23 magnitudes."""
MOONLIGHT_EXTINCTION = 0.172
"""Magnitudes of one air mass, as in the source."""
NANOLAMBERT = 3.183e-6
"""In cd/m²."""
FADE = 0.5
"""Degrees over which a body sets."""


class MonotoneCurve:
    """A smooth curve through points, monotone where they are. Source: Fritsch and Carlson 1980, SIAM J. Numer. Anal.
    17, 238, with the slopes of Fritsch and Butland 1984 (the harmonic mean)."""

    def __init__(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        self._x, self._y = x, y
        steps = np.diff(y) / np.diff(x)
        slopes = np.zeros_like(y)
        slopes[[0, -1]] = steps[[0, -1]]
        rising = steps[:-1] * steps[1:] > 0
        slopes[1:-1][rising] = 2 / (1 / steps[:-1][rising] + 1 / steps[1:][rising])
        self._slopes = slopes

    def at(self, x: float) -> float:
        """Beyond the ends: the value there."""
        x = min(max(x, float(self._x[0])), float(self._x[-1]))
        left = min(int(np.searchsorted(self._x, x, side="right")), len(self._x) - 1) - 1
        width = self._x[left + 1] - self._x[left]
        t = (x - self._x[left]) / width
        value = self._y[left] * (1 + 2 * t) * (1 - t) ** 2 + self._y[left + 1] * t**2 * (3 - 2 * t)
        value += width * (self._slopes[left] * t * (1 - t) ** 2 + self._slopes[left + 1] * t**2 * (t - 1))
        return float(value)


_CURVE = MonotoneCurve(np.array([h for h, _ in SUNLIT_SKY]), np.log10([light for _, light in SUNLIT_SKY]))


def sunlit_sky(altitude: float) -> float:
    """The darkest part of the clear sky in cd/m², without the night's own light, by the Sun's altitude in degrees."""
    return float(10 ** _CURVE.at(altitude))


def air_mass(altitude: float) -> float:
    """1 at the zenith, 40 at the horizon. Source: Rozenberg 1966, Twilight, eq. 4.18."""
    sine = math.sin(math.radians(max(altitude, 0.0)))
    return 1 / (sine + 0.025 * math.exp(-11 * sine))


def sun_illuminance(altitude: float) -> float:
    """Of the direct Sun on a surface that faces it, in lux."""
    return SUN_LX * math.exp(-EXTINCTION * air_mass(altitude)) * risen_share(altitude)


def moon_illuminance(altitude: float, phase: float) -> float:
    """Of the Moon on a surface that faces it, in lux; `phase` is the illuminated share of its disc."""
    extinction = math.exp(-EXTINCTION * air_mass(altitude))
    return FULL_MOON_LX * moon_brightness(phase) * extinction * risen_share(altitude)


def moon_brightness(phase: float) -> float:
    """Of the full Moon's light. Source: Krisciunas and Schaefer 1991, eq. 9."""
    angle = math.degrees(math.acos(min(max(2 * phase - 1, -1.0), 1.0)))
    return float(10 ** (-0.4 * (0.026 * angle + 4e-9 * angle**4)))


def risen_share(altitude: float) -> float:
    """Of a disc above the horizon, without refraction."""
    return min(max(altitude / FADE / 2 + 0.5, 0.0), 1.0)


def daylight(lens: Fisheye, from_sun: Angle, sun: Place) -> Light:
    """(height, width, 3): the sky that the Sun lights, also from below the horizon; `from_sun` is the angle between a
    direction and the Sun in radians.

    The distribution is that of the clear sky, type 12 of ISO 15469 (CIE S 011), with the arch of twilight above the
    horizon where the Sun set.
    """
    indicatrix = 1 + 10 * (np.exp(-3 * from_sun) - math.exp(-1.5 * math.pi)) + 0.45 * np.cos(from_sun) ** 2
    low = np.clip(lens.zenith_angle / (math.pi / 2), 0, 1)
    towards = np.exp(1.6 * (np.cos(lens.azimuth - math.radians(sun.azimuth)) - 1))
    shape = _gradation(lens.zenith_angle) * indicatrix + _twilight_arch(1 - low, sun.altitude) * towards
    tint = _daylight_tint(low, from_sun, towards, sun.altitude)
    return np.asarray(sunlit_sky(sun.altitude) * shape[..., None] * tint, np.float32)


def _gradation(zenith_angle: Angle) -> Angle:
    """1 at the zenith, 3.6 at the horizon."""
    cosine = np.maximum(np.cos(zenith_angle), 0.02)
    return np.asarray((1 - np.exp(-0.32 / cosine)) / (1 - math.exp(-0.32)), np.float32)


def _twilight_arch(height: Angle, altitude: float) -> Angle:
    """In parts of the darkest sky; `height` is 0 at the horizon and 1 at the zenith."""
    depth = min(max(-altitude, 0.0), 18.0)
    return np.asarray(6 * depth * np.exp(-height / (0.22 - 0.007 * depth)), np.float32)


def _daylight_tint(low: Angle, from_sun: Angle, towards: Angle, altitude: float) -> Light:
    """Blue above, white at the horizon and around the Sun, red and yellow where it sets."""
    zenith, horizon = np.array((0.42, 0.90, 1.95), np.float32), np.array((0.86, 1.0, 1.22), np.float32)
    sunset, aureole = np.array((1.75, 0.86, 0.22), np.float32), np.array((1.03, 1.0, 0.94), np.float32)
    tint = zenith + (horizon - zenith) * (low**3)[..., None]
    tint += (aureole - tint) * np.exp(-((from_sun / 0.30) ** 2))[..., None]
    warm = math.exp(-(((altitude + 3) / 6) ** 2)) if altitude > -3 else math.exp(-(((altitude + 3) / 14) ** 2))
    share = warm * np.clip(low**4 * (0.25 + 0.9 * towards), 0, 1)
    return np.asarray(tint + (sunset - tint) * share[..., None], np.float32)


def moonlight(zenith_angle: Angle, from_moon: Angle, altitude: float, phase: float) -> Angle:
    """The sky that the Moon lights, in cd/m²; angles in radians, the Moon's `altitude` in degrees.

    Source: Krisciunas and Schaefer 1991, eq. 3, 15, 20 and 21.
    """
    apart = np.degrees(from_moon)
    scattered = 10**5.36 * (1.06 + np.cos(from_moon) ** 2) + 10 ** (6.15 - apart / 40)
    # The source's illuminance of the full Moon, 10^(-0.4 x 3.84), is in its own unit.
    moon = 10 ** (-0.4 * 3.84) * moon_brightness(phase) * risen_share(altitude)
    dimmed = 10 ** (-0.4 * MOONLIGHT_EXTINCTION * _scattering_mass(math.radians(90 - altitude)))
    seen = 1 - 10 ** (-0.4 * MOONLIGHT_EXTINCTION * _scattering_mass(zenith_angle))
    return np.asarray(NANOLAMBERT * scattered * moon * dimmed * seen, np.float32)


def _scattering_mass(zenith_angle: Angle | float) -> Angle:
    return np.asarray((1 - 0.96 * np.sin(np.minimum(zenith_angle, math.pi / 2)) ** 2) ** -0.5, np.float32)
