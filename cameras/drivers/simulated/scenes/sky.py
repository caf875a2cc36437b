"""A fish-eye picture of the night sky at the equator: bright stars at their real positions, the Milky Way, a moon and
drifting clouds above a line of trees. The moon is not real: it is always above the horizon.
"""

from __future__ import annotations

import functools
import math
from collections import OrderedDict

import cv2
import numpy as np

from cameras.drivers.simulated.scenes.base import (
    ExposureSettings,
    Image,
    Light,
    Moments,
    Scene,
    SceneSettings,
    add_grain,
    brightness_of,
    darken,
    developed,
    draw_caption,
    recent,
)
from cameras.drivers.simulated.scenes.optics import Angle, Clouds, Fisheye, angle_between
from cameras.drivers.simulated.scenes.stars import MilkyWay, Stars

LATITUDE = LONGITUDE = 0.0
MOMENT_S, STAR_WIDTH = 4.0, 1.1
"""Between two moments the stars move by less than a pixel, and soft clouds by six: frames are blended from both. A
shorter time costs a session of a picture each 2 s a third more processor time."""
NOISE, SENSITIVITY = 0.008, 1.3
SKY_TOP, SKY_HORIZON = (0.004, 0.0065, 0.014), (0.017, 0.017, 0.021)
AIRGLOW, TOWN = (0.003, 0.012, 0.004), (0.13, 0.075, 0.03)
MILKY_WAY, CLOUD = (0.120, 0.106, 0.122), (0.030, 0.033, 0.041)
MOON_RADIUS = 0.014
"""Of the picture's height."""


class SkyScene(Scene):
    def __init__(self, settings: SceneSettings) -> None:
        super().__init__(settings)
        self._lens = Fisheye(self.width, self.height)
        self._skies: OrderedDict[float, Moments[Image]] = OrderedDict()
        self._clouds = Clouds(self._lens)
        self._milky_way = MilkyWay(self._lens, LATITUDE, LONGITUDE)
        width = STAR_WIDTH * self.height / 1024
        self._stars = Stars(self._lens, LATITUDE, LONGITUDE, width, lambda magnitude: 3.4 * 10 ** (-0.33 * magnitude))
        self._ground = self._lens.open_sky()
        self._fixed = self._fixed_glow()

    def render(self, number: int, exposure: ExposureSettings, wall_ns: int, seconds: float) -> Image:
        # A copy: the drawing serves further pictures, and a picture never changes after it was handed out.
        return self._finished(self._sky(exposure).last(wall_ns / 1e9).copy(), wall_ns)

    def render_streamed(self, number: int, exposure: ExposureSettings, wall_ns: int, seconds: float) -> Image:
        before, after, share = self._sky(exposure).around(wall_ns / 1e9)
        blended = np.asarray(cv2.addWeighted(before, 1 - share, after, share, 0), np.uint8)
        return self._finished(blended, wall_ns)

    def _finished(self, image: Image, wall_ns: int) -> Image:
        add_grain(image, NOISE, abs(wall_ns))
        draw_caption(image, wall_ns)
        return image

    def _sky(self, exposure: ExposureSettings) -> Moments[Image]:
        return recent(self._skies, round(brightness_of(exposure), 3), self._moments)

    def _moments(self, brightness: float) -> Moments[Image]:
        return Moments(MOMENT_S, functools.partial(self._drawn, brightness))

    def _drawn(self, brightness: float, unix_s: float) -> Image:
        """The sky of this moment, without noise. On any thread."""
        # More or less of the sky is covered over minutes.
        cloud = self._clouds.opacity(unix_s, clear=0.60 + 0.07 * math.sin(unix_s / 420))
        size = (self.width, self.height)
        glow = np.asarray(cv2.resize(self._glow(unix_s, cloud), size, interpolation=cv2.INTER_LINEAR), np.float32)
        self._stars.draw(glow, unix_s, 1 - cloud)
        self._draw_moon(glow, unix_s)
        darken(glow, self._ground)
        return developed(glow, brightness * SENSITIVITY)

    def _fixed_glow(self) -> tuple[Light, Angle]:
        """The night sky's own light with a town at the horizon, and the town alone."""
        low = np.clip(self._lens.zenith_angle / (math.pi / 2), 0, 1)[..., None]
        light = np.array(SKY_TOP, np.float32) * (1 - low**3) + np.array(SKY_HORIZON, np.float32) * low**3
        light += np.array(AIRGLOW, np.float32) * np.exp(-(((low - 0.8) / 0.12) ** 2))
        town = np.exp(-((1 - low) / 0.16)) * np.exp(3 * (np.cos(self._lens.azimuth - 2.2) - 1))[..., None]
        return np.asarray(light + np.array(TOWN, np.float32) * town, np.float32), np.asarray(town, np.float32)

    def _glow(self, unix_s: float, cloud: Angle) -> Light:
        """All extended light: the sky's own light, the Milky Way, moonlight, clouds."""
        fixed, town = self._fixed
        light = fixed + self._milky_way.band(unix_s)[..., None] * np.array(MILKY_WAY, np.float32)
        altitude, azimuth, lit = moon_place(unix_s)
        apart = angle_between(self._lens.zenith_angle, self._lens.azimuth, math.pi / 2 - altitude, azimuth)
        halo = lit * (0.05 * np.exp(-apart / 0.07) + 0.018 * np.exp(-apart / 0.5))
        light += halo[..., None] * np.array((1.0, 1.0, 0.95), np.float32)
        lighted = (
            np.array(CLOUD, np.float32) * (0.35 + 1.3 * lit * np.exp(-apart / 0.9) + 0.8 * town[..., 0])[..., None]
        )
        thick = cloud[..., None]
        return np.asarray(light * (1 - 0.8 * thick) + lighted * thick, np.float32)

    def _draw_moon(self, light: Light, unix_s: float) -> None:
        altitude, azimuth, lit = moon_place(unix_s)
        distance = (1 - altitude / (math.pi / 2)) * self._lens.radius
        x = self._lens.centre[0] - math.sin(azimuth) * distance
        y = self._lens.centre[1] - math.cos(azimuth) * distance
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


def moon_place(unix_s: float) -> tuple[float, float, float]:
    """Altitude and azimuth in radians, and the lit share of its disc. It goes from east to west twice a day."""
    way = unix_s % 43_200 / 43_200
    lit = 0.5 - 0.5 * math.cos(math.tau * (unix_s % 2_551_443) / 2_551_443)
    altitude = math.radians(22 + 30 * math.sin(math.pi * way))
    return altitude, math.radians(80 + 200 * way), 0.2 + 0.45 * lit
