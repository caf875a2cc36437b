"""Curves as SVG geometry: a pure function of points. Labels are text beside the drawing, which is stretched to its
place (`_curve.html`)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

WIDTH, HEIGHT = 1000.0, 100.0
"""Of the drawing, in its own units."""
LEAST_GAP = timedelta(minutes=3)
GAP_FACTOR = 4
"""A line ends where nothing was measured for this many times the usual pause, and for LEAST_GAP."""

POWERS = (-12, 15)

Sample = tuple[datetime, float]


@dataclass(frozen=True, slots=True)
class Scale:
    """The values at the lower and at the upper edge; with `log` both are above 0."""

    low: float
    high: float
    log: bool = False

    def y_of(self, value: float) -> float:
        """From HEIGHT at the lower edge to 0 at the upper one; values beyond are on the edge."""
        low, high = self._position(self.low), self._position(self.high)
        share = (self._position(value) - low) / (high - low)
        return round(HEIGHT * (1 - min(1.0, max(0.0, share))), 1)

    def _position(self, value: float) -> float:
        return math.log10(max(value, self.low)) if self.log else value


@dataclass(frozen=True, slots=True)
class Line:
    """`parts` are the points of polylines, "x,y x,y"; a point alone is a short line, so that it is visible."""

    kind: str
    parts: list[str]


@dataclass(frozen=True, slots=True)
class Level:
    """A horizontal line at a value, such as a target."""

    kind: str
    y: float


@dataclass(frozen=True, slots=True)
class Curve:
    """A drawing. `top` and `bottom` are the labels of its edges, `note` is the newest value in words."""

    title: str
    lines: list[Line]
    top: str
    bottom: str
    note: str = ""
    levels: list[Level] = field(default_factory=list)


def line_of(kind: str, samples: Sequence[Sample], begin: datetime, end: datetime, scale: Scale) -> Line:
    """The line through `samples`, oldest first, of which those outside of `begin` to `end` are left out. It is broken
    where samples are missing."""
    inside = [(at, value) for at, value in samples if begin <= at <= end]
    parts = []
    for group in _groups(inside):
        places = [(x_of(at, begin, end), scale.y_of(value)) for at, value in group]
        if len(places) == 1:
            [(x, y)] = places
            places = [(max(0.0, x - 1), y), (min(WIDTH, x + 1), y)]
        parts.append(" ".join(f"{x:g},{y:g}" for x, y in places))
    return Line(kind, parts)


def x_of(at: datetime, begin: datetime, end: datetime) -> float:
    return round(WIDTH * ((at - begin) / (end - begin)), 1)


def log_scale(values: Iterable[float]) -> Scale:
    """Whole powers of ten around the values, at least one, within POWERS."""
    known = [min(max(math.log10(value), POWERS[0]), POWERS[1]) for value in values if value > 0]
    low, high = math.floor(min(known, default=0.0)), math.ceil(max(known, default=1.0))
    return Scale(10.0**low, 10.0 ** max(high, low + 1), log=True)


def _groups(samples: Sequence[Sample]) -> list[list[Sample]]:
    """Without a pause that is longer than usual."""
    if not samples:
        return []
    pauses_s = [(sample[0] - before[0]).total_seconds() for before, sample in pairwise(samples)]
    longest = max(LEAST_GAP, timedelta(seconds=GAP_FACTOR * median(pauses_s))) if pauses_s else LEAST_GAP
    groups = [[samples[0]]]
    for before, sample in pairwise(samples):
        if sample[0] - before[0] > longest:
            groups.append([])
        groups[-1].append(sample)
    return groups
