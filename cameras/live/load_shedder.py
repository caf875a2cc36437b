"""`LoadShedder`: when a busy machine gives less live view, so that recording and captures have it. Django-free.

First pictures become smaller, then fewer, or fewer alone where they shall never be smaller; a step is taken when the
load has lasted, and taken back, one at a time, when it has been well below for as long.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

SMOOTHING = 0.5
LOWER_QUALITY, LOWER_BOTH, LOWER_FPS_ONLY = 1, 2, 3
"""Levels: pictures are smaller; and fewer as well; fewer and as large as ever."""
QUALITY_LEVELS, FPS_LEVELS = (LOWER_QUALITY, LOWER_BOTH), (LOWER_BOTH, LOWER_FPS_ONLY)
DESCRIPTIONS = {
    0: "pictures are as they should be",
    LOWER_QUALITY: "pictures are smaller",
    LOWER_BOTH: "pictures are smaller and fewer",
    LOWER_FPS_ONLY: "pictures are fewer",
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
class FixedThresholds:
    """Thresholds as plain values."""

    lower_quality: float = 85.0
    lower_fps: float = 95.0
    restore: float = 70.0
    hold_s: float = 5.0


class LoadShedder:
    """`load` gives per cent since it was asked last."""

    def __init__(
        self, thresholds: Thresholds, load: Callable[[], float], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.thresholds, self.load, self.clock = thresholds, load, clock
        self.level = 0
        self.percent = 0.0
        self.lowered_steps = 0
        """How often a step was taken."""
        self._since: float | None = None
        self._target = 0

    def update_level(self) -> bool:
        """Measure; True when the level has changed. Ask about once a second."""
        self.percent += SMOOTHING * (self.load() - self.percent)
        if self.level and self.level not in self._steps:
            self._since, self.level = None, self._remaining_level
            return True
        target, now = self._target_level(), self.clock()
        if target == self.level:
            self._since = None
        elif self._since is None or (target > self.level) != (self._target > self.level):
            self._since = now
        self._target = target
        if self._since is None or now - self._since < self.thresholds.hold_s:
            return False
        self._since = None
        self.lowered_steps += target > self.level
        self.level = target
        return True

    @property
    def _steps(self) -> dict[int, float]:
        """Level -> the load from which it is taken, in turn; without what is never to be lowered."""
        at = self.thresholds
        first = {LOWER_QUALITY: at.lower_quality} if at.lower_quality else {}
        return first | ({LOWER_BOTH if first else LOWER_FPS_ONLY: at.lower_fps} if at.lower_fps else {})

    @property
    def _remaining_level(self) -> int:
        """Of the present level, once some of it is never to be lowered any more."""
        parts = (LOWER_QUALITY, LOWER_FPS_ONLY) if self.level == LOWER_BOTH else ()
        return next((level for level in parts if level in self._steps), 0)

    def _target_level(self) -> int:
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
    def description(self) -> str:
        """What is given less of."""
        return DESCRIPTIONS[self.level]
