"""Stars that do not exist, but are always the same at the same place of the sky."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TILE_DEG = 1.0
STARS_PER_SQUARE_DEG = 1200
BRIGHTEST, FAINTEST = 9.0, 19.0
"""Magnitudes."""
SLOPE = 0.35
"""Of the logarithm of the number of stars by magnitude."""


@dataclass(frozen=True, slots=True)
class Stars:
    """Arrays of one length; positions in degrees."""

    ra: NDArray[np.float64]
    dec: NDArray[np.float64]
    magnitude: NDArray[np.float64]


def stars_around(ra_deg: float, dec_deg: float, radius_deg: float) -> Stars:
    """All stars within the radius, and some beyond it."""
    lowest, highest = max(-90.0, dec_deg - radius_deg), min(90.0, dec_deg + radius_deg)
    bands = range(math.floor((lowest + 90) / TILE_DEG), math.ceil((highest + 90) / TILE_DEG))
    tiles = [tile_stars(band, cell) for band in bands for cell in cells_of(band, ra_deg, dec_deg, radius_deg)]
    return Stars(*(np.concatenate([getattr(tile, name) for tile in tiles]) for name in ("ra", "dec", "magnitude")))


def cells_of(band: int, ra_deg: float, dec_deg: float, radius_deg: float) -> list[int]:
    """The tiles of a band of declination that the circle may touch."""
    cells = count_cells(band)
    if abs(dec_deg) + radius_deg >= 90:
        return list(range(cells))
    half_deg = math.degrees(math.asin(math.sin(math.radians(radius_deg)) / math.cos(math.radians(dec_deg))))
    first, last = ((ra_deg + side * half_deg) / 360 * cells for side in (-1, 1))
    numbers = range(math.floor(first), math.floor(last) + 1)
    return sorted({number % cells for number in numbers})


def count_cells(band: int) -> int:
    """Tiles of a band have about the same area."""
    middle_deg = (band + 0.5) * TILE_DEG - 90
    return max(1, round(360 * math.cos(math.radians(middle_deg)) / TILE_DEG))


@functools.lru_cache(maxsize=1024)
def tile_stars(band: int, cell: int) -> Stars:
    cells = count_cells(band)
    bottom, top = (math.sin(math.radians((band + edge) * TILE_DEG - 90)) for edge in (0, 1))
    area = math.degrees(math.radians(360 / cells) * (top - bottom)) * math.degrees(1)
    random = np.random.default_rng((band, cell))
    count = random.poisson(STARS_PER_SQUARE_DEG * area)
    ra = (cell + random.random(count)) * 360 / cells
    dec = np.degrees(np.arcsin(bottom + random.random(count) * (top - bottom)))
    # The inverse of the distribution: the number of stars grows by 10 ** (SLOPE * magnitude).
    faintest, brightest = (10 ** (SLOPE * edge) for edge in (FAINTEST, BRIGHTEST))
    magnitude = np.log10(brightest + random.random(count) * (faintest - brightest)) / SLOPE
    return Stars(ra, dec, magnitude)
