"""A fish-eye picture of the night sky at the equator: bright stars at their real positions, the Milky Way, a moon and
drifting clouds above a line of trees.

The lens is equidistant: the distance from the middle of the picture grows with the angle from the zenith. North is up
and east is left, as one sees the sky lying on one's back. The moon is not real: it is always above the horizon.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from cameras.drivers.simulated.scenes.base import (
    Backdrop,
    Image,
    Light,
    Scene,
    brightness_of,
    developed,
    draw_caption,
    smooth_noise,
)

LATITUDE = math.radians(0.0)
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
CLOUD_PIXELS_PER_S = 0.35
BACKDROP_S, MILKY_WAY_S = 2.0, 60.0
NOISE, SENSITIVITY = 0.008, 1.3
SKY_TOP, SKY_HORIZON = (0.004, 0.0065, 0.014), (0.017, 0.017, 0.021)
AIRGLOW, TOWN = (0.003, 0.012, 0.004), (0.13, 0.075, 0.03)
MILKY_WAY, CLOUD = (0.120, 0.106, 0.122), (0.030, 0.033, 0.041)
MOON_RADIUS = 0.014
"""Of the picture's height."""
DETAIL = 4
"""The glow of the sky is computed at a quarter of the size: it has no sharp edges."""

Angle = NDArray[np.float32]


class SkyScene(Scene):
    def __init__(self, width: int, height: int, sky_level: float, contrast_decades: float, shot_noise: bool) -> None:
        super().__init__(width, height, sky_level, contrast_decades, shot_noise)
        self.radius = 0.485 * min(width, height)
        self.centre = (width / 2, height / 2)
        self._backdrop = Backdrop(BACKDROP_S)
        rows, columns = np.mgrid[0:height:DETAIL, 0:width:DETAIL].astype(np.float32)
        x, y = (columns - self.centre[0]) / self.radius, (rows - self.centre[1]) / self.radius
        self._zenith_angle: Angle = np.hypot(x, y) * np.float32(math.pi / 2)
        self._azimuth: Angle = np.arctan2(-x, -y)
        clouds = smooth_noise(rows.shape[0], 3 * rows.shape[1], rows.shape[0] / 2.2, seed=11, octaves=5)
        self._clouds = around(clouds, 2 * rows.shape[1])
        self._texture = around(smooth_noise(720, 1640, 70, seed=5, octaves=7), 1440)
        self._stars = star_catalogue()
        self._ground = self._silhouette()
        self._minute = -1
        self._band: Angle = np.zeros_like(self._azimuth)
        self._fixed = self._fixed_glow()

    def render(self, number: int, exposure_us: int, gain: float, wall_ns: int, seconds: float) -> Image:
        began_s = wall_ns / 1e9 - seconds

        def make(brightness: float, moment: float) -> Image:
            return self._picture(brightness, began_s + moment)

        # A copy: the backdrop serves further frames, and a picture never changes after it was handed out.
        image = self._backdrop.get(brightness_of(exposure_us, gain), seconds, make).copy()
        draw_caption(image, wall_ns)
        return image

    def _picture(self, brightness: float, unix_s: float) -> Image:
        sidereal = sidereal_angle(unix_s)
        cloud = self._cloud(unix_s)
        size = (self.width, self.height)
        glow = np.asarray(cv2.resize(self._glow(unix_s, cloud), size, interpolation=cv2.INTER_LINEAR), np.float32)
        self._draw_stars(glow, sidereal, cloud)
        self._draw_moon(glow, unix_s)
        return developed(glow * self._ground, brightness * SENSITIVITY, NOISE, int(unix_s) & 0xFFFF)

    def _fixed_glow(self) -> tuple[Light, Angle]:
        """The night sky's own light with a town at the horizon, and the town alone."""
        low = np.clip(self._zenith_angle / (math.pi / 2), 0, 1)[..., None]
        light = np.array(SKY_TOP, np.float32) * (1 - low**3) + np.array(SKY_HORIZON, np.float32) * low**3
        light += np.array(AIRGLOW, np.float32) * np.exp(-(((low - 0.8) / 0.12) ** 2))
        town = np.exp(-((1 - low) / 0.16)) * np.exp(3 * (np.cos(self._azimuth - 2.2) - 1))[..., None]
        return np.asarray(light + np.array(TOWN, np.float32) * town, np.float32), np.asarray(town, np.float32)

    def _glow(self, unix_s: float, cloud: Angle) -> Light:
        """All extended light: the sky's own light, the Milky Way, moonlight, clouds."""
        fixed, town = self._fixed
        light = fixed + self._milky_way_of_minute(unix_s)[..., None] * np.array(MILKY_WAY, np.float32)
        altitude, azimuth, lit = moon_place(unix_s)
        apart = angle_between(self._zenith_angle, self._azimuth, math.pi / 2 - altitude, azimuth)
        halo = lit * (0.05 * np.exp(-apart / 0.07) + 0.018 * np.exp(-apart / 0.5))
        light += halo[..., None] * np.array((1.0, 1.0, 0.95), np.float32)
        lighted = (
            np.array(CLOUD, np.float32) * (0.35 + 1.3 * lit * np.exp(-apart / 0.9) + 0.8 * town[..., 0])[..., None]
        )
        thick = cloud[..., None]
        return np.asarray(light * (1 - 0.8 * thick) + lighted * thick, np.float32)

    def _milky_way_of_minute(self, unix_s: float) -> Angle:
        minute = int(unix_s // MILKY_WAY_S)
        if minute != self._minute:
            self._minute, self._band = minute, self._milky_way(sidereal_angle(minute * MILKY_WAY_S))
        return self._band

    def _milky_way(self, sidereal: float) -> Angle:
        right_ascension, declination = equatorial(self._zenith_angle, self._azimuth, sidereal)
        latitude, longitude = galactic(right_ascension, declination)
        across = (np.degrees(longitude) % 360 * 4).astype(np.float32)
        along = (np.degrees(latitude) * 4 + 360).astype(np.float32)
        texture = cv2.remap(self._texture, across, along, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        towards_centre = 0.45 + 0.75 * np.exp(-((np.abs((longitude + math.pi) % math.tau - math.pi) / 0.9) ** 2))
        width = 0.14 + 0.06 * towards_centre
        band = np.exp(-((latitude / width) ** 2)) * towards_centre
        rift = np.clip(4.0 * (1 - texture) - 1.7, 0, 1) * np.exp(-(((latitude - 0.02) / 0.06) ** 2))
        return np.asarray(band * (0.22 + 1.9 * texture**2.0) * (1 - 0.9 * rift), np.float32)

    def _cloud(self, unix_s: float) -> Angle:
        """Opacity of the clouds, 0 to 1. They cover more or less of the sky over minutes."""
        width = self._zenith_angle.shape[1]
        shift = int(unix_s * CLOUD_PIXELS_PER_S * self.width / 1280) % self._clouds.shape[1]
        drifting = np.take(self._clouds, np.arange(shift, shift + width), axis=1, mode="wrap")
        cover = 0.60 + 0.07 * math.sin(unix_s / 420)
        return np.asarray(np.clip((drifting - cover) * 3.2, 0, 0.92), np.float32)

    def _draw_stars(self, light: Light, sidereal: float, cloud: Angle) -> None:
        right_ascension, declination, flux, tint = self._stars
        zenith_angle, azimuth = horizontal(right_ascension, declination, sidereal)
        up = zenith_angle < math.radians(86)
        distance = zenith_angle[up] / (math.pi / 2) * self.radius
        x = self.centre[0] - np.sin(azimuth[up]) * distance
        y = self.centre[1] - np.cos(azimuth[up]) * distance
        columns, rows = x.astype(np.intp), y.astype(np.intp)
        clear = 1 - cloud[rows // DETAIL, columns // DETAIL]
        air = np.exp(-0.25 / np.maximum(np.cos(zenith_angle[up]), 0.07))
        seen = ((flux[up] * clear * air)[:, None] * tint[up]).astype(np.float32)
        inside = (columns > 2) & (columns < self.width - 3) & (rows > 2) & (rows < self.height - 3)
        x, y, columns, rows, seen = x[inside], y[inside], columns[inside], rows[inside], seen[inside]
        narrow = (1.1 * self.height / 1024) ** 2
        for row in (-2, -1, 0, 1, 2):
            for column in (-2, -1, 0, 1, 2):
                apart = ((rows + row + 0.5 - y) ** 2 + (columns + column + 0.5 - x) ** 2) / narrow
                light[rows + row, columns + column] += np.exp(-apart)[:, None].astype(np.float32) * seen

    def _draw_moon(self, light: Light, unix_s: float) -> None:
        altitude, azimuth, lit = moon_place(unix_s)
        distance = (1 - altitude / (math.pi / 2)) * self.radius
        x = self.centre[0] - math.sin(azimuth) * distance
        y = self.centre[1] - math.cos(azimuth) * distance
        radius = max(MOON_RADIUS * self.height, 2.5)
        reach = math.ceil(radius * 1.6)
        left, top = int(x) - reach, int(y) - reach
        patch = light[max(top, 0) : top + 2 * reach + 1, max(left, 0) : left + 2 * reach + 1]
        rows, columns = np.mgrid[0 : patch.shape[0], 0 : patch.shape[1]].astype(np.float32)
        apart = np.hypot(columns + max(left, 0) - x, rows + max(top, 0) - y)
        dark_side = np.hypot(columns + max(left, 0) - x - radius * (2 * lit), rows + max(top, 0) - y)
        disc = np.clip(radius - apart + 0.5, 0, 1)
        crescent = disc * np.clip(dark_side - radius + 0.5, 0, 1)
        patch += (1.6 * crescent + 0.02 * disc)[..., None] * np.array((1.0, 0.98, 0.90), np.float32)

    def _silhouette(self) -> Light:
        """1 for the sky, 0 behind trees and outside of the lens's circle."""
        rows, columns = np.mgrid[0 : self.height, 0 : self.width].astype(np.float32)
        x, y = columns - self.centre[0], rows - self.centre[1]
        angle = np.arctan2(x, y)
        steps = 8192
        hills = around(smooth_noise(3, steps + 800, 700, seed=3, octaves=4)[1], steps)
        crowns = around(smooth_noise(3, steps + 800, 60, seed=8, octaves=5)[1], steps)
        needles = around(smooth_noise(3, steps + 800, 14, seed=9, octaves=2)[1], steps)
        woods = np.clip((hills - 0.30) * 4, 0, 1)
        heights = 0.015 + 0.05 * hills + woods * (0.055 * crowns**1.5 + 0.018 * needles * crowns)
        edge = self.radius * (1 - heights[((angle + math.pi) / math.tau * (steps - 1)).astype(np.intp)])
        open_sky = np.clip(edge - np.hypot(x, y), 0, 1)
        return np.asarray(np.repeat(open_sky[..., None], 3, axis=2), np.float32)


def star_catalogue() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Right ascension and declination in radians, flux and tint (n, 3): the bright stars, and random faint ones."""
    random = np.random.default_rng(7)
    known = np.array(BRIGHT_STARS)
    faint = FAINTEST - random.exponential(0.75, FAINT_STARS).clip(0, 3.2)
    right_ascension = np.concatenate([np.radians(known[:, 0] * 15), random.uniform(0, math.tau, FAINT_STARS)])
    declination = np.concatenate([np.radians(known[:, 1]), np.arcsin(random.uniform(-1, 1, FAINT_STARS))])
    magnitude = np.concatenate([known[:, 2], faint])
    colour = np.concatenate([known[:, 3], random.uniform(-0.8, 0.7, FAINT_STARS)])
    tint = np.stack([1 + 0.25 * colour, np.ones_like(colour), 1 - 0.3 * colour], axis=1)
    return right_ascension, declination, 3.4 * 10 ** (-0.33 * magnitude), tint


def around(surface: Angle, width: int) -> Angle:
    """`width` columns of a surface that has more of them, so that the last column continues in the first."""
    beyond = surface[..., width:]
    share = np.linspace(0, 1, beyond.shape[-1], dtype=np.float32)
    closed = surface[..., :width].copy()
    closed[..., : share.size] = beyond * (1 - share) + closed[..., : share.size] * share
    return closed


def sidereal_angle(unix_s: float) -> float:
    """Local sidereal time at longitude 0, in radians. Source: IAU 1982, linear terms."""
    return math.radians((280.46061837 + 360.98564736629 * (unix_s - J2000_S) / 86_400) % 360)


def equatorial(zenith_angle: Angle, azimuth: Angle, sidereal: float) -> tuple[Angle, Angle]:
    """Right ascension and declination, radians, of a direction; azimuth from north through east."""
    up, north, east = (
        np.cos(zenith_angle),
        np.sin(zenith_angle) * np.cos(azimuth),
        np.sin(zenith_angle) * np.sin(azimuth),
    )
    sine = np.clip(up * math.sin(LATITUDE) + north * math.cos(LATITUDE), -1, 1)
    hour_angle = np.arctan2(-east, up * math.cos(LATITUDE) - north * math.sin(LATITUDE))
    return np.asarray(sidereal - hour_angle, np.float32), np.arcsin(sine)


def horizontal(
    right_ascension: NDArray[np.float64], declination: NDArray[np.float64], sidereal: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Zenith angle and azimuth (from north through east), radians."""
    hour_angle = sidereal - right_ascension
    up = np.sin(declination) * math.sin(LATITUDE) + np.cos(declination) * math.cos(LATITUDE) * np.cos(hour_angle)
    north = np.sin(declination) * math.cos(LATITUDE) - np.cos(declination) * math.sin(LATITUDE) * np.cos(hour_angle)
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


def angle_between(zenith_angle: Angle, azimuth: Angle, other_zenith_angle: float, other_azimuth: float) -> Angle:
    cosine = np.cos(zenith_angle) * math.cos(other_zenith_angle)
    cosine += np.sin(zenith_angle) * math.sin(other_zenith_angle) * np.cos(azimuth - other_azimuth)
    return np.arccos(np.clip(cosine, -1, 1))


def moon_place(unix_s: float) -> tuple[float, float, float]:
    """Altitude and azimuth in radians, and the lit share of its disc. It goes from east to west twice a day."""
    way = unix_s % 43_200 / 43_200
    lit = 0.5 - 0.5 * math.cos(math.tau * (unix_s % 2_551_443) / 2_551_443)
    altitude = math.radians(22 + 30 * math.sin(math.pi * way))
    return altitude, math.radians(80 + 200 * way), 0.2 + 0.45 * lit
