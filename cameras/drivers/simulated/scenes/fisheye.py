"""A fish-eye lens that shows the whole sky, with trees at its horizon, and clouds that drift over its picture. The
lens is equidistant: the distance from the middle of the picture grows with the angle from the zenith. North is up and
east is left, as one sees the sky lying on one's back."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cameras.drivers.simulated.scenes.base import Light, around, smooth_noise

Angle = NDArray[np.float32]
DETAIL = 4
"""The glow of the sky is computed at a quarter of the size: it has no sharp edges."""


class Fisheye:
    """The directions that a picture of this size shows. `zenith_angle` and `azimuth` (from north through east) are in
    radians, at a quarter of the picture's size."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.radius = 0.485 * min(width, height)
        self.centre = (width / 2, height / 2)
        rows, columns = np.mgrid[0:height:DETAIL, 0:width:DETAIL].astype(np.float32)
        x, y = (columns - self.centre[0]) / self.radius, (rows - self.centre[1]) / self.radius
        self.zenith_angle: Angle = np.hypot(x, y) * np.float32(math.pi / 2)
        self.azimuth: Angle = np.arctan2(-x, -y)

    def pixels(
        self, zenith_angle: NDArray[np.float64], azimuth: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Column and row, with fractions, of directions in radians."""
        distance = zenith_angle / (math.pi / 2) * self.radius
        return self.centre[0] - np.sin(azimuth) * distance, self.centre[1] - np.cos(azimuth) * distance

    def circle(self) -> NDArray[np.uint8]:
        """255 inside of the lens's circle, at the picture's size."""
        rows, columns = np.ogrid[0 : self.height, 0 : self.width]
        inside = np.hypot(columns - self.centre[0], rows - self.centre[1]) < self.radius
        return np.asarray(inside * 255, np.uint8)

    def open_sky(self) -> Light:
        """(height, width, 1): 1 for the sky, 0 behind trees and outside of the lens's circle."""
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
        return np.asarray(open_sky[..., None], np.float32)


def angle_between(zenith_angle: Angle, azimuth: Angle, other_zenith_angle: float, other_azimuth: float) -> Angle:
    """Radians between directions and another one."""
    cosine = np.cos(zenith_angle) * math.cos(other_zenith_angle)
    cosine += np.sin(zenith_angle) * math.sin(other_zenith_angle) * np.cos(azimuth - other_azimuth)
    return np.arccos(np.clip(cosine, -1, 1))


PIXELS_PER_S = 0.35
"""Drift in a picture of 1280 columns."""


class Clouds:
    """Their opacity at a quarter of the picture's size."""

    def __init__(self, lens: Fisheye) -> None:
        rows, self._columns = lens.zenith_angle.shape
        self._pixels_per_s = PIXELS_PER_S * lens.width / 1280
        surface = smooth_noise(rows, 3 * self._columns, rows / 2.2, seed=11, octaves=5)
        self._surface = around(surface, 2 * self._columns)

    def opacity(self, unix_s: float, clear: float) -> Angle:
        """0 to 0.92; `clear` is about the share of the sky without clouds, 0.6 to 0.9."""
        shift = int(unix_s * self._pixels_per_s) % self._surface.shape[1]
        drifting = np.take(self._surface, np.arange(shift, shift + self._columns), axis=1, mode="wrap")
        return np.asarray(np.clip((drifting - clear) * 3.2, 0, 0.92), np.float32)
