"""The levels of aggregates: each is computed from the one below, minutes from the readings themselves. Which of them
answers a request, and how long its points are. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

MINUTE_S, TEN_MINUTES_S, HOUR_S, DAY_S = 60, 600, 3600, 86_400
LEVELS = (MINUTE_S, TEN_MINUTES_S, HOUR_S, DAY_S)
"""In the order of computation. Ten minutes are there for the chart of a week: its minutes are too many rows."""
BELOW = dict(zip(LEVELS, (0, *LEVELS), strict=False))
"""Seconds of a level -> those of the level that it is computed from; 0 stands for the readings."""
ABOVE = dict(pairwise(LEVELS))
SOURCES = {0: "raw", MINUTE_S: "minute", TEN_MINUTES_S: "ten_minutes", HOUR_S: "hour", DAY_S: "day"}
"""Seconds of a level -> its name in the API."""


MAX_ROWS = 250_000
"""Rows that one request reads, of all its channels."""
STEPS_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 3600, 7200, 10_800, 21_600, 43_200, DAY_S)
"""Lengths of points that are chosen; then whole days."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """`level_s` is the level that is read, 0 for the readings; `bucket_s` the length of a point, 0 for each reading."""

    level_s: int
    bucket_s: int

    @property
    def source(self) -> str:
        return SOURCES[self.level_s]


@dataclass(frozen=True, slots=True)
class Wanted:
    """`intervals_s`: those of the channels. `kept_s`: level -> how far back its rows are kept; missing: for ever.
    `age_s` is that of the beginning of the range."""

    span_s: float
    age_s: float
    intervals_s: Sequence[float]
    kept_s: dict[int, float]
    bucket_s: int
    limit: int


def choose_resolution(wanted: Wanted) -> Resolution:
    """The finest one with at most `limit` points, or the one of the wanted bucket. A level whose rows are removed, or
    too many, is replaced by the next one."""
    shortest_s = min(wanted.intervals_s, default=1.0)
    if not wanted.bucket_s and wanted.span_s / shortest_s <= wanted.limit and _is_usable(0, wanted):
        return Resolution(0, 0)
    bucket_s = wanted.bucket_s or nice_bucket(wanted.span_s / wanted.limit)
    levels = [level for level in (0, *LEVELS[:-1]) if _is_usable(level, wanted)]
    # The coarsest level that is fine enough; else the finest one there is.
    level_s = max((level for level in levels if level <= bucket_s), default=min(levels, default=DAY_S))
    if bucket_s >= DAY_S:
        level_s = DAY_S
    return Resolution(level_s, _multiple(bucket_s, level_s))


def _is_usable(level_s: int, wanted: Wanted) -> bool:
    steps = [level_s] * len(wanted.intervals_s) if level_s else wanted.intervals_s
    rows = sum(wanted.span_s / step for step in steps)
    return rows <= MAX_ROWS and wanted.age_s <= wanted.kept_s.get(level_s, math.inf)


def nice_bucket(least_s: float) -> int:
    """The shortest length of a point that is not below `least_s`."""
    return next((step for step in STEPS_S if step >= least_s), math.ceil(least_s / DAY_S) * DAY_S)


def _multiple(bucket_s: int, level_s: int) -> int:
    return math.ceil(bucket_s / level_s) * level_s if level_s else bucket_s
