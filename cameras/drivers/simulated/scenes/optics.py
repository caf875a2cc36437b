"""A fish-eye lens that shows the whole sky, with trees at its horizon, and clouds that drift over its picture; and a
photometric colour sensor behind a lens, from luminance to 8-bit values, with shot noise and read noise, and the
picture of a closed shutter. The lens is equidistant: the distance from the middle of the picture grows with the angle
from the zenith. North is up and east is left, as one sees the sky lying on one's back. It collects as ISO 12232
assumes: `LENS` x luminance / f-number² is the illuminance of the sensor in lux. The sensor reaches full scale at
`FULL_SCALE_LX_S` / ISO lux seconds: the standard output sensitivity of ISO 12232 with the transfer of IEC 61966-2-1
(sRGB), in which 18 % of full scale is recorded as 118 of 255. The transfer is sRGB and nothing else, so that a
program can go back to the light: with v = value / 255 the share of full scale is v / 12.92 up to v = 0.04045, and ((v
+ 0.055) / 1.055)^2.4 above."""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

from cameras.drivers.simulated.scenes.base import ExposureSettings, Image, Light, around, smooth_noise

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


LENS = 0.65
FULL_SCALE_LX_S = 10 / 0.18
FULL_WELL = 20_000.0
"""Electrons of a saturated pixel at gain 1 and ISO 100."""
READ_NOISE = 2.0
"""Electrons."""
LEVELS = 65_536
STRIP = 16
"""Rows that are exposed at a time: they stay in the processor's cache."""
SPARE = 1 << 16
"""Starting points in the field of noise."""


class Sensor:
    """One thread uses it: its buffers serve each frame again."""

    def __init__(self, height: int, width: int) -> None:
        strip = min(STRIP, height) * width * 3
        # Drawn once, and read from another place for each strip: drawing takes ten times as long as all the rest.
        self._noise = np.random.default_rng(2).standard_normal(strip + SPARE, np.float32)

    def expose(self, luminance: Light, exposure: ExposureSettings, seed: int) -> Image:
        """The values (height, width, 3) of `luminance`, in cd/m² of the same shape. The same seed gives the same noise.

        The shot noise is normal, with the variance of the Poisson distribution.
        """
        full_scale = FULL_WELL / exposure.amplification
        electrons_of = full_scale * full_scale_share(exposure)
        height, width = luminance.shape[:2]
        image = np.empty((height, width, 3), np.uint8)
        tops = range(0, height, STRIP)
        for top, start in zip(tops, np.random.default_rng(seed).integers(0, SPARE, len(tops)), strict=True):
            electrons = luminance[top : top + STRIP] * np.float32(electrons_of)
            noise = np.sqrt(electrons + np.float32(READ_NOISE**2))
            noise *= self._noise[start : start + electrons.size].reshape(electrons.shape)
            electrons += noise
            electrons *= np.float32((LEVELS - 1) / full_scale)
            np.clip(electrons, 0, LEVELS - 1, out=electrons)
            np.take(srgb_table(), electrons.astype(np.uint16), out=image[top : top + STRIP])
        return image


def full_scale_share(exposure: ExposureSettings) -> float:
    """The share of full scale that 1 cd/m² gives."""
    collected = LENS / exposure.f_number**2 * exposure.seconds
    return collected * 100 * exposure.amplification / FULL_SCALE_LX_S


@functools.cache
def srgb_table() -> Image:
    """The 8-bit value for each of LEVELS shares of full scale. Source: IEC 61966-2-1."""
    share = np.arange(LEVELS) / (LEVELS - 1)
    encoded: NDArray[np.float64] = np.where(
        share <= 0.0031308, 12.92 * share, 1.055 * np.maximum(share, 1e-9) ** (1 / 2.4) - 0.055
    )
    return np.asarray(np.rint(encoded * 255), np.uint8)


BIAS, DARK_NOISE = 8.0, 1.5
"""Counts of 255; the noise at gain 1 and ISO 100."""


def dark_image(height: int, width: int, amplification: float, seed: int) -> Image:
    """(height, width, 3). The noise is normal and grows with the amplification. The same seed gives the same noise."""
    noise = np.random.default_rng(seed).standard_normal((height, width, 3), np.float32)
    noise *= np.float32(DARK_NOISE * amplification)
    noise += np.float32(BIAS)
    return np.clip(np.rint(noise, out=noise), 0, 255).astype(np.uint8)
