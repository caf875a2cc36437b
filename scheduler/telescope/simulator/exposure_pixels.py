"""Where the CCDs are in the mosaic, and what of the sky they see; and their pixels: dark current, noise, bias and
overscan, and the light of the sky and of stars that do not exist, but are always the same at the same place of the
sky."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scheduler.telescope.simulator.images import SimulatedImage
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


ELECTRONS_PER_ADU = 2.0
READ_NOISE = 6.0
"""Electrons."""
BIAS = 1000.0
"""ADU of the first CCD; each further one has BIAS_STEP more."""
BIAS_STEP = 25.0
DARK_CURRENT = 0.02
"""Electrons in a pixel and a second."""
ZERO_POINT = 24.0
"""The magnitude of a star that gives one electron in a second."""
VIGNETTING = 0.3
"""Of the light at the corners of the mosaic that does not arrive."""
PSF_PIXELS = (1.35, 1.1)
"""Standard deviations along right ascension, where the telescope trails, and along declination."""
PSF_RADIUS = 8
HIGHEST = 65_535


@dataclass(frozen=True, slots=True)
class Light:
    background: float
    """Electrons in a pixel and a second, at the middle of the mosaic."""
    has_stars: bool = False


SKY = Light(20.0, has_stars=True)
FLAT = Light(3000.0)
LIGHTS = {
    "dark": Light(0.0), "sky": SKY, "focus": SKY, "offset": SKY,
    "pmskyflat": FLAT, "amskyflat": FLAT, "domeskyflat": FLAT,
}  # fmt: skip
"""Type of the image (the header word `imagetyp`) -> what falls on the CCDs while the shutter is open."""


def light_of(image: SimulatedImage) -> Light:
    return LIGHTS.get(image.words.get("imagetyp", "").lower(), SKY) if image.shutter else LIGHTS["dark"]


def pointing_of(words: Mapping[str, str], options: SimulatorOptions) -> tuple[float, float]:
    """Right ascension and declination in degrees, of the header words or else of the options."""
    try:
        ra_h, dec_deg = float(words["tele-ra"]), float(words["tele-dec"])
    except (KeyError, ValueError):
        return options.ra_h * 15, options.dec_deg
    is_possible = 0 <= ra_h <= 24 and -90 <= dec_deg <= 90
    return (ra_h * 15, dec_deg) if is_possible else (options.ra_h * 15, options.dec_deg)


class ExposureRenderer:
    """The pixels of one image, a strip of rows at a time: the same again for the same image and options."""

    def __init__(self, image: SimulatedImage, mosaic: Mosaic, options: SimulatorOptions) -> None:
        self._image, self._mosaic, self._options = image, mosaic, options
        self._light = light_of(image)
        self._stars = visible_stars(image, mosaic, options) if self._light.has_stars else NO_STARS

    def render(self, ccd: Ccd, first_row: int, rows: int) -> NDArray[np.uint16]:
        """(rows, width + overscan), in ADU."""
        random = np.random.default_rng(
            (self._options.seed, self._image.number, ccd.controller, ccd.number, first_row)
        )  # fmt: skip
        electrons = np.zeros((rows, ccd.width + ccd.overscan), np.float32)
        electrons[:, : ccd.width] = self._exposed(ccd, first_row, rows)
        noise = random.standard_normal(electrons.shape, np.float32)
        noise *= np.sqrt(electrons + np.float32(READ_NOISE**2))
        electrons += noise
        electrons /= ELECTRONS_PER_ADU
        electrons += BIAS + BIAS_STEP * (ccd.controller * CCDS + ccd.number)
        return np.clip(np.rint(electrons, out=electrons), 0, HIGHEST, out=electrons).astype(np.uint16)

    def _exposed(self, ccd: Ccd, first_row: int, rows: int) -> NDArray[np.float32]:
        """(rows, width): the electrons that are expected."""
        x, y, seconds = ccd.x, ccd.y + first_row, self._image.exposure_s
        expected = np.full((rows, ccd.width), DARK_CURRENT * seconds, np.float32)
        if self._light.background:
            expected += self._light.background * seconds * transmission(self._mosaic, x, y, expected.shape)
        if len(self._stars.x):
            expected += star_light(self._stars, x, y, expected.shape)
        return expected


@dataclass(frozen=True, slots=True)
class PlacedStars:
    """Arrays of one length: pixels of the mosaic, and electrons."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    electrons: NDArray[np.float64]


NO_STARS = PlacedStars(np.empty(0), np.empty(0), np.empty(0))


def visible_stars(image: SimulatedImage, mosaic: Mosaic, options: SimulatorOptions) -> PlacedStars:
    pointing_deg = pointing_of(image.words, options)
    stars = stars_around(*pointing_deg, mosaic.radius_deg)
    x, y = mosaic.place(stars.ra, stars.dec, pointing_deg)
    return PlacedStars(x, y, 10 ** (0.4 * (ZERO_POINT - stars.magnitude)) * image.exposure_s)


def transmission(mosaic: Mosaic, x: int, y: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Of the pixels from (x, y) of the mosaic: the part of the light that arrives, 1 at the middle of the mosaic."""
    center_x, center_y = mosaic.center
    rows, columns = (np.arange(size, dtype=np.float32) for size in shape)
    distances = (rows[:, None] + np.float32(y - center_y)) ** 2 + (columns[None, :] + np.float32(x - center_x)) ** 2
    found: NDArray[np.float32] = 1 - np.float32(VIGNETTING / (center_x**2 + center_y**2)) * distances
    return found


def star_light(stars: PlacedStars, x: int, y: int, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The electrons that stars give to the pixels from (x, y) of the mosaic, also stars just beside them."""
    height, width = shape
    near = (
        (stars.x > x - PSF_RADIUS) & (stars.x < x + width + PSF_RADIUS)
        & (stars.y > y - PSF_RADIUS) & (stars.y < y + height + PSF_RADIUS)
    )  # fmt: skip
    star_x, star_y = stars.x[near, None] - x, stars.y[near, None] - y
    offsets = np.arange(-PSF_RADIUS, PSF_RADIUS + 1)
    columns, rows = np.rint(star_x).astype(int) + offsets, np.rint(star_y).astype(int) + offsets
    profile_x, profile_y = gaussian(columns - star_x, PSF_PIXELS[0]), gaussian(rows - star_y, PSF_PIXELS[1])
    # What falls beside the pixels is nothing, at a pixel that exists.
    profile_x[(columns < 0) | (columns >= width)] = 0
    profile_y[(rows < 0) | (rows >= height)] = 0
    stamps = stars.electrons[near, None, None] * profile_y[:, :, None] * profile_x[:, None, :]
    places = np.clip(rows, 0, height - 1)[:, :, None] * width + np.clip(columns, 0, width - 1)[:, None, :]
    # bincount adds up the stars that overlap.
    added = np.bincount(places.reshape(-1), stamps.reshape(-1), minlength=height * width)
    return np.asarray(added, np.float64).reshape(shape)


def gaussian(distance: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Of area 1."""
    found: NDArray[np.float64] = np.exp(-0.5 * (distance / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
    return found


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
