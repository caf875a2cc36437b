"""How many pixels of a frame have each level, and how much light a level is. Pure, without numpy."""

from __future__ import annotations

import functools
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import ceil
from operator import mul
from typing import Literal


@dataclass(frozen=True)
class Levels:
    """The number of pixels at each level, from black to full scale; at least two levels."""

    counts: tuple[int, ...]

    @property
    def pixels(self) -> int:
        return self._cumulative[-1]

    @cached_property
    def _cumulative(self) -> tuple[int, ...]:
        return tuple(accumulate(self.counts))

    @property
    def half_level(self) -> float:
        """Half of the smallest difference that can be recorded, as a fraction of full scale."""
        return 0.5 / (len(self.counts) - 1)

    def mean(self, transfer: Transfer = "linear") -> float:
        """The mean of the pixels, linearised first. ValueError without pixels."""
        self._check_not_empty()
        light: float = sum(map(mul, self.counts, light_of_levels(len(self.counts), transfer)))
        return light / self.pixels

    def quantile(self, share: float) -> float:
        """The smallest level as a fraction of full scale that at least this share of the pixels does not exceed.
        ValueError without pixels."""
        self._check_not_empty()
        rank = max(1, ceil(share * self.pixels))
        return min(bisect_left(self._cumulative, rank), len(self.counts) - 1) / (len(self.counts) - 1)

    def share_up_to(self, fraction: float) -> float:
        """The share of the pixels that are at most this fraction of full scale. ValueError without pixels."""
        self._check_not_empty()
        return self._cumulative[int(fraction * (len(self.counts) - 1))] / self.pixels

    def share_from(self, fraction: float) -> float:
        """The share of the pixels that are at least this fraction of full scale. ValueError without pixels."""
        self._check_not_empty()
        first = ceil(fraction * (len(self.counts) - 1))
        return (self.pixels - (self._cumulative[first - 1] if first else 0)) / self.pixels

    def merged(self, bins: int) -> tuple[int, ...]:
        """The same pixels in fewer bins. The number of levels is a multiple of `bins`."""
        width = len(self.counts) // bins
        return tuple(sum(self.counts[start : start + width]) for start in range(0, len(self.counts), width))

    def _check_not_empty(self) -> None:
        if self.pixels <= 0:
            raise ValueError("No pixel was measured.")


@functools.lru_cache(maxsize=4)
def light_of_levels(levels: int, transfer: Transfer) -> tuple[float, ...]:
    return tuple(to_linear(level / (levels - 1), transfer) for level in range(levels))


Transfer = Literal["linear", "srgb"]
"""How a camera records light: `linear` for a sensor's own values, `srgb` for pictures that are made to be seen."""


def to_linear(recorded: float, transfer: Transfer) -> float:
    """Source: IEC 61966-2-1, the transfer function of sRGB."""
    if transfer == "linear":
        return recorded
    return recorded / 12.92 if recorded <= 0.04045 else float(((recorded + 0.055) / 1.055) ** 2.4)


def from_linear(light: float, transfer: Transfer) -> float:
    if transfer == "linear":
        return light
    return light * 12.92 if light <= 0.0031308 else float(1.055 * light ** (1 / 2.4) - 0.055)
