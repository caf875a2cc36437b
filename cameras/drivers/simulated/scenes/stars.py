"""Stars at their real positions and the Milky Way, for scenes that show the sky through a fish-eye lens."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from cameras.drivers.simulated.scenes.base import Light, around, smooth_noise
from cameras.drivers.simulated.scenes.optics import DETAIL, Angle, Fisheye

J2000_S = 946_728_000
"""2000-01-01T12:00:00Z as a Unix time."""
GALACTIC_POLE = (math.radians(192.859), math.radians(27.128))
GALACTIC_CENTRE = (math.radians(266.405), math.radians(-28.936))
"""Right ascension and declination (J2000)."""
BRIGHT_STARS = (
    # right ascension in hours, declination in degrees, magnitude, colour from blue (-1) to red (1)
    (6.752, -16.72, -1.46, -0.7), (6.399, -52.70, -0.74, -0.3), (14.660, -60.83, -0.27, 0.2),
    (14.261, 19.18, -0.05, 0.7),
    (18.616, 38.78, 0.03, -0.7), (5.278, 46.00, 0.08, 0.2), (5.242, -8.20, 0.13, -0.8), (7.655, 5.22, 0.34, 0.0),
    (1.629, -57.24, 0.46, -0.9), (5.919, 7.41, 0.50, 0.9), (14.064, -60.37, 0.61, -0.9), (19.846, 8.87, 0.76, -0.4),
    (12.443, -63.10, 0.76, -0.9), (4.599, 16.51, 0.86, 0.8), (16.490, -26.43, 0.96, 0.9), (13.420, -11.16, 0.97, -0.9),
    (7.755, 28.03, 1.14, 0.5), (22.961, -29.62, 1.16, -0.4), (20.690, 45.28, 1.25, -0.6), (12.795, -59.69, 1.25, -0.9),
    (10.139, 11.97, 1.39, -0.7), (6.977, -28.97, 1.50, -0.9), (7.577, 31.89, 1.58, -0.6), (12.519, -57.11, 1.63, 0.9),
    (5.418, 6.35, 1.64, -0.9), (5.438, 28.61, 1.65, -0.6), (5.603, -1.20, 1.69, -0.9), (5.679, -1.94, 1.77, -0.9),
    (5.533, -0.30, 2.23, -0.9), (5.796, -9.67, 2.09, -0.9), (12.900, 55.96, 1.77, -0.5), (11.062, 61.75, 1.79, 0.5),
    (13.792, 49.31, 1.86, -0.8), (13.399, 54.93, 2.27, -0.5), (11.031, 56.38, 2.37, -0.5), (11.897, 53.69, 2.44, -0.5),
    (12.257, 57.03, 3.31, -0.5), (0.153, 59.15, 2.27, 0.0), (0.675, 56.54, 2.23, 0.6), (0.945, 60.72, 2.47, -0.9),
    (1.430, 60.24, 2.68, -0.5), (1.907, 63.67, 3.37, -0.9), (17.560, -37.10, 1.63, -0.9), (18.403, -34.38, 1.85, -0.7),
    (16.836, -34.29, 2.29, 0.6), (17.708, -39.03, 2.41, -0.9), (16.006, -22.62, 2.32, -0.9), (2.530, 89.26, 1.98, 0.2),
    (3.405, 49.86, 1.79, 0.1), (2.120, 23.46, 2.00, 0.6), (0.140, 29.09, 2.06, -0.7), (23.079, 15.21, 2.49, -0.7),
    (23.063, 28.08, 2.42, 0.8), (0.220, 15.18, 2.83, -0.9), (21.736, 9.88, 2.39, 0.6), (19.512, 27.96, 3.05, 0.3),
    (20.371, 40.26, 2.23, 0.3), (19.750, 45.13, 2.87, -0.5), (20.770, 33.97, 2.48, 0.5),
)  # fmt: skip
FAINT_STARS = 3600
FAINTEST = 6.0
MILKY_WAY_S = 60.0

Values = NDArray[np.float64]


class MilkyWay:
    """The Milky Way's brightness, about 0 to 1.6, at a quarter of the picture's size; computed once a minute. For any
    thread."""

    def __init__(self, lens: Fisheye, latitude: float, longitude: float) -> None:
        """`latitude` and `longitude` are in radians."""
        self._lens, self._latitude, self._longitude = lens, latitude, longitude
        self._texture = around(smooth_noise(720, 1640, 70, seed=5, octaves=7), 1440)
        self._newest: tuple[int, Angle] = (-1, np.zeros_like(lens.azimuth))
        """A minute and its band. Replaced as a whole."""

    def band(self, unix_s: float) -> Angle:
        minute = int(unix_s // MILKY_WAY_S)
        newest = self._newest
        if minute != newest[0]:
            newest = self._newest = minute, self._computed(sidereal_angle(minute * MILKY_WAY_S, self._longitude))
        return newest[1]

    def _computed(self, sidereal: float) -> Angle:
        right_ascension, declination = equatorial(self._lens.zenith_angle, self._lens.azimuth, sidereal, self._latitude)
        latitude, longitude = galactic(right_ascension, declination)
        across = (np.degrees(longitude) % 360 * 4).astype(np.float32)
        along = (np.degrees(latitude) * 4 + 360).astype(np.float32)
        texture = cv2.remap(self._texture, across, along, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        towards_centre = 0.45 + 0.75 * np.exp(-((np.abs((longitude + math.pi) % math.tau - math.pi) / 0.9) ** 2))
        width = 0.14 + 0.06 * towards_centre
        band = np.exp(-((latitude / width) ** 2)) * towards_centre
        rift = np.clip(4.0 * (1 - texture) - 1.7, 0, 1) * np.exp(-(((latitude - 0.02) / 0.06) ** 2))
        return np.asarray(band * (0.22 + 1.9 * texture**2.0) * (1 - 0.9 * rift), np.float32)


class Stars:
    """The bright stars at their real positions, and random faint ones."""

    def __init__(
        self, lens: Fisheye, latitude: float, longitude: float, width: float, flux: Callable[[Values], Values]
    ) -> None:
        """`latitude` and `longitude` are in radians; at `width` pixels from a star's middle its light falls to 1/e;
        `flux` gives the light of the middle by magnitude."""
        self._width = width
        self._lens, self._latitude, self._longitude = lens, latitude, longitude
        self._right_ascension, self._declination, magnitude, tint = star_catalogue()
        self._light = flux(magnitude)[:, None] * tint

    def draw(self, light: Light, unix_s: float, clear: Angle) -> None:
        """Add the stars to `light`, where `clear` (a quarter of its size) is the share that clouds let through."""
        sidereal = sidereal_angle(unix_s, self._longitude)
        zenith_angle, azimuth = horizontal(self._right_ascension, self._declination, sidereal, self._latitude)
        up = zenith_angle < math.radians(86)
        x, y = self._lens.pixels(zenith_angle[up], azimuth[up])
        columns, rows = x.astype(np.intp), y.astype(np.intp)
        air = np.exp(-0.25 / np.maximum(np.cos(zenith_angle[up]), 0.07))
        seen = (self._light[up] * (clear[rows // DETAIL, columns // DETAIL] * air)[:, None]).astype(np.float32)
        height, width = light.shape[:2]
        inside = (columns > 2) & (columns < width - 3) & (rows > 2) & (rows < height - 3)
        x, y, columns, rows, seen = x[inside], y[inside], columns[inside], rows[inside], seen[inside]
        narrow = self._width**2
        for row in (-2, -1, 0, 1, 2):
            for column in (-2, -1, 0, 1, 2):
                apart = ((rows + row + 0.5 - y) ** 2 + (columns + column + 0.5 - x) ** 2) / narrow
                light[rows + row, columns + column] += np.exp(-apart)[:, None].astype(np.float32) * seen


def star_catalogue() -> tuple[Values, Values, Values, Values]:
    """Right ascension and declination in radians, magnitude, and tint (n, 3): bright stars, and random faint ones."""
    random = np.random.default_rng(7)
    known = np.array(BRIGHT_STARS)
    faint = FAINTEST - random.exponential(0.75, FAINT_STARS).clip(0, 3.2)
    right_ascension = np.concatenate([np.radians(known[:, 0] * 15), random.uniform(0, math.tau, FAINT_STARS)])
    declination = np.concatenate([np.radians(known[:, 1]), np.arcsin(random.uniform(-1, 1, FAINT_STARS))])
    magnitude = np.concatenate([known[:, 2], faint])
    colour = np.concatenate([known[:, 3], random.uniform(-0.8, 0.7, FAINT_STARS)])
    tint = np.stack([1 + 0.25 * colour, np.ones_like(colour), 1 - 0.3 * colour], axis=1)
    return right_ascension, declination, magnitude, tint


def sidereal_angle(unix_s: float, longitude: float = 0.0) -> float:
    """Local sidereal time at a longitude in radians, in radians. Source: IAU 1982, linear terms."""
    return math.radians((280.46061837 + 360.98564736629 * (unix_s - J2000_S) / 86_400) % 360) + longitude


def equatorial(zenith_angle: Angle, azimuth: Angle, sidereal: float, latitude: float) -> tuple[Angle, Angle]:
    """Right ascension and declination, radians, of a direction; azimuth from north through east."""
    up, north, east = (
        np.cos(zenith_angle),
        np.sin(zenith_angle) * np.cos(azimuth),
        np.sin(zenith_angle) * np.sin(azimuth),
    )
    sine = np.clip(up * math.sin(latitude) + north * math.cos(latitude), -1, 1)
    hour_angle = np.arctan2(-east, up * math.cos(latitude) - north * math.sin(latitude))
    return np.asarray(sidereal - hour_angle, np.float32), np.arcsin(sine)


def horizontal(right_ascension: Values, declination: Values, sidereal: float, latitude: float) -> tuple[Values, Values]:
    """Zenith angle and azimuth (from north through east), radians."""
    hour_angle = sidereal - right_ascension
    up = np.sin(declination) * math.sin(latitude) + np.cos(declination) * math.cos(latitude) * np.cos(hour_angle)
    north = np.sin(declination) * math.cos(latitude) - np.cos(declination) * math.sin(latitude) * np.cos(hour_angle)
    east = -np.cos(declination) * np.sin(hour_angle)
    return np.arccos(np.clip(up, -1, 1)), np.arctan2(east, north)


def galactic(right_ascension: Angle, declination: Angle) -> tuple[Angle, Angle]:
    """Galactic latitude, and longitude from the centre, radians."""
    pole = _unit(*GALACTIC_POLE)
    centre = _unit(*GALACTIC_CENTRE)
    third = np.cross(pole, centre)
    towards = np.stack(
        [
            np.cos(declination) * np.cos(right_ascension),
            np.cos(declination) * np.sin(right_ascension),
            np.sin(declination),
        ],
        axis=-1,
    )
    latitude = np.arcsin(np.clip(towards @ pole, -1, 1))
    return np.asarray(latitude, np.float32), np.asarray(np.arctan2(towards @ third, towards @ centre), np.float32)


def _unit(right_ascension: float, declination: float) -> NDArray[np.float32]:
    return np.array(
        [
            math.cos(declination) * math.cos(right_ascension),
            math.cos(declination) * math.sin(right_ascension),
            math.sin(declination),
        ],
        np.float32,
    )
