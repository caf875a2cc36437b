"""`Governor`: when a busy machine gives less live view, so that recording and captures have it. Django-free.

First pictures become smaller, then fewer, or fewer alone where they shall never be smaller; a step is taken when the
load has lasted, and taken back, one at a time, when it has been well below for as long.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

SMOOTHING = 0.5
QUALITY, FPS, FPS_ALONE = 1, 2, 3
"""Levels: pictures are smaller; and fewer as well; fewer and as large as ever."""
SMALLER, FEWER = (QUALITY, FPS), (FPS, FPS_ALONE)
WHAT = {
    0: "pictures are as they should be",
    QUALITY: "pictures are smaller",
    FPS: "pictures are smaller and fewer",
    FPS_ALONE: "pictures are fewer",
}


class Thresholds(Protocol):
    """As `live_streaming_config.cpu_thresholds`: per cent, 0 for never; seconds."""

    @property
    def lower_quality(self) -> float: ...

    @property
    def lower_fps(self) -> float: ...

    @property
    def restore(self) -> float: ...

    @property
    def hold_s(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Thresholds as plain values."""

    lower_quality: float = 85.0
    lower_fps: float = 95.0
    restore: float = 70.0
    hold_s: float = 5.0


class Governor:
    """`load` gives per cent since it was asked last."""

    def __init__(
        self, thresholds: Thresholds, load: Callable[[], float], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.thresholds, self.load, self.clock = thresholds, load, clock
        self.level = 0
        self.percent = 0.0
        self.lowered = 0
        """How often a step was taken."""
        self._since: float | None = None
        self._wanted = 0

    def look(self) -> bool:
        """Measure; True when the level has changed. Ask about once a second."""
        self.percent += SMOOTHING * (self.load() - self.percent)
        if self.level and self.level not in self._steps:
            self._since, self.level = None, self._left
            return True
        wanted, now = self._next(), self.clock()
        if wanted == self.level:
            self._since = None
        elif self._since is None or (wanted > self.level) != (self._wanted > self.level):
            self._since = now
        self._wanted = wanted
        if self._since is None or now - self._since < self.thresholds.hold_s:
            return False
        self._since = None
        self.lowered += wanted > self.level
        self.level = wanted
        return True

    @property
    def _steps(self) -> dict[int, float]:
        """Level -> the load from which it is taken, in turn; without what is never to be lowered."""
        at = self.thresholds
        first = {QUALITY: at.lower_quality} if at.lower_quality else {}
        return first | ({FPS if first else FPS_ALONE: at.lower_fps} if at.lower_fps else {})

    @property
    def _left(self) -> int:
        """Of the present level, once some of it is never to be lowered any more."""
        parts = (QUALITY, FPS_ALONE) if self.level == FPS else ()
        return next((level for level in parts if level in self._steps), 0)

    def _next(self) -> int:
        """The level that this load asks for, one step at most from the present one."""
        steps = self._steps
        levels = [0, *steps]
        at = levels.index(self.level)
        if at < len(steps) and self.percent >= steps[levels[at + 1]]:
            return levels[at + 1]
        if at and self.percent < self.thresholds.restore:
            return levels[at - 1]
        return self.level

    @property
    def what(self) -> str:
        """What is given less of."""
        return WHAT[self.level]
