"""A photometric colour sensor behind a lens: from luminance to 8-bit values, with shot noise and read noise; and the
picture of a closed shutter. The lens collects as ISO 12232 assumes: `LENS` x luminance / f-number² is the illuminance
of the sensor in lux. The sensor reaches full scale at `FULL_SCALE_LX_S` / ISO lux seconds: the standard output
sensitivity of ISO 12232 with the transfer of IEC 61966-2-1 (sRGB), in which 18 % of full scale is recorded as 118 of
255. The transfer is sRGB and nothing else, so that a program can go back to the light: with v = value / 255 the share
of full scale is v / 12.92 up to v = 0.04045, and ((v + 0.055) / 1.055)^2.4 above."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from cameras.drivers.simulated.scenes.base import ExposureSettings, Image, Light

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
