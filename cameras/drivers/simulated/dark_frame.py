"""The picture of a closed shutter: the bias of the sensor and its read noise."""

from __future__ import annotations

import numpy as np

from cameras.drivers.simulated.scenes.base import Image

BIAS, READ_NOISE = 8.0, 1.5
"""Counts of 255; the noise at gain 1 and ISO 100."""


def dark_image(height: int, width: int, amplification: float, seed: int) -> Image:
    """(height, width, 3). The noise is normal and grows with the amplification. The same seed gives the same noise."""
    noise = np.random.default_rng(seed).standard_normal((height, width, 3), np.float32)
    noise *= np.float32(READ_NOISE * amplification)
    noise += np.float32(BIAS)
    return np.clip(np.rint(noise, out=noise), 0, 255).astype(np.uint8)
