"""Where the CCDs are in the mosaic, and what of the sky they see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scheduler.telescope.simulator.options import SimulatorOptions

CCDS = 4
"""Of one controller, side by side."""
GAP_PARTS = (20, 50)
"""The gap between two CCDs is the width through the first, and the height through the second."""
OVERSCAN_PARTS = 16
FULL_SIZE = (2048, 4096)
"""Pixels of a CCD that has one second of arc in a pixel. Smaller ones see as much of the sky."""


@dataclass(frozen=True, slots=True)
class Ccd:
    """Pixels count from 0; `x` and `y` are those of its lower left pixel in the mosaic. North is up, east is left."""

    controller: int
    number: int
    x: int
    y: int
    width: int
    height: int
    overscan: int
    """Columns right of the image."""


@dataclass(frozen=True, slots=True)
class Mosaic:
    width: int
    height: int
    arcsec_per_pixel: float
    ccds: tuple[Ccd, ...]

    @property
    def center(self) -> tuple[float, float]:
        """The pixel that the telescope points at."""
        return (self.width - 1) / 2, (self.height - 1) / 2

    @property
    def radius_deg(self) -> float:
        return float(np.hypot(self.width, self.height)) / 2 * self.arcsec_per_pixel / 3600

    def place(
        self, ra_deg: NDArray[np.float64], dec_deg: NDArray[np.float64], pointing_deg: tuple[float, float]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Pixels in the mosaic of positions less than 90 degrees from the pointing, in the gnomonic projection.

        Source: Calabretta & Greisen 2002, A&A 395, 1077, section 5.1.3.
        """
        ra, dec, ra_0, dec_0 = (np.radians(angle) for angle in (ra_deg, dec_deg, *pointing_deg))
        depth = np.sin(dec_0) * np.sin(dec) + np.cos(dec_0) * np.cos(dec) * np.cos(ra - ra_0)
        east = np.cos(dec) * np.sin(ra - ra_0) / depth
        north = (np.cos(dec_0) * np.sin(dec) - np.sin(dec_0) * np.cos(dec) * np.cos(ra - ra_0)) / depth
        pixels = np.degrees(1) * 3600 / self.arcsec_per_pixel
        return self.center[0] - east * pixels, self.center[1] + north * pixels


def build_mosaic(options: SimulatorOptions) -> Mosaic:
    """One row of four CCDs for one controller; two rows of eight for four, of which each has a quarter."""
    width, height = options.width, options.height
    gap_x, gap_y = max(1, width // GAP_PARTS[0]), max(1, height // GAP_PARTS[1])
    quarters = [(0, 0), (CCDS, 0), (0, 1), (CCDS, 1)][: options.controllers]
    ccds = tuple(
        Ccd(
            controller, number, (column + number) * (width + gap_x), row * (height + gap_y), width, height,
            max(1, width // OVERSCAN_PARTS),
        )
        for controller, (column, row) in enumerate(quarters)
        for number in range(CCDS)
    )  # fmt: skip
    scale = min(full / size for full, size in zip(FULL_SIZE, (width, height), strict=True))
    return Mosaic(max(one.x for one in ccds) + width, max(one.y for one in ccds) + height, scale, ccds)
