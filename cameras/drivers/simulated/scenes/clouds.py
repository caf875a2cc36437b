"""Clouds that drift over the picture of a fish-eye lens."""

from __future__ import annotations

import numpy as np

from cameras.drivers.simulated.scenes.base import around, smooth_noise
from cameras.drivers.simulated.scenes.fisheye import Angle, Fisheye

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
