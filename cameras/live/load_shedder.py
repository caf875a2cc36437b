"""`LoadShedder`: reduces live view while a machine is busy, so that recording and captures keep it. Django-free.

The first step makes pictures smaller, the second also fewer; a step can be disabled. A step is taken after the load
has stayed above its threshold for `hold_s`, and taken back, one at a time, after it has stayed below `restore`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

SMOOTHING = 0.5
LOWER_QUALITY, LOWER_BOTH, LOWER_FPS_ONLY = 1, 2, 3
"""Levels: smaller pictures; smaller and fewer; fewer at full size."""
QUALITY_LEVELS, FPS_LEVELS = (LOWER_QUALITY, LOWER_BOTH), (LOWER_BOTH, LOWER_FPS_ONLY)
DESCRIPTIONS = {
    0: "pictures are at full quality again",
    LOWER_QUALITY: "pictures are smaller",
    LOWER_BOTH: "pictures are smaller and fewer",
    LOWER_FPS_ONLY: "pictures are fewer",
}


class Thresholds(Protocol):
    """As `live_streaming_config.cpu_thresholds`: per cent, where 0 disables a step; `hold_s` in seconds."""

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
    """`load` returns the load in per cent since its last call."""

    def __init__(
        self, thresholds: Thresholds, load: Callable[[], float], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.thresholds, self.load, self.clock = thresholds, load, clock
        self.level = 0
        self.percent = 0.0
        self.lowered_steps = 0
        """How many steps down were taken so far."""
        self._since: float | None = None
        self._target = 0

    def update_level(self) -> bool:
        """Measure the load; True when the level has changed. Call it about once a second."""
        self.percent += SMOOTHING * (self.load() - self.percent)
        # A setting has disabled this step while it was active: it ends without the hold time.
        if self.level and self.level not in self._steps:
            self._since, self.level = None, self._remaining_level
            return True
        target, now = self._target_level(), self.clock()
        if target == self.level:
            self._since = None
        # Only a change of direction starts the hold time again.
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
        """Level -> the load from which it is taken, in order; without disabled steps."""
        at = self.thresholds
        first = {LOWER_QUALITY: at.lower_quality} if at.lower_quality else {}
        return first | ({LOWER_BOTH if first else LOWER_FPS_ONLY: at.lower_fps} if at.lower_fps else {})

    @property
    def _remaining_level(self) -> int:
        """The part of the present level that is still enabled after the thresholds changed; 0 for none."""
        parts = (LOWER_QUALITY, LOWER_FPS_ONLY) if self.level == LOWER_BOTH else ()
        return next((level for level in parts if level in self._steps), 0)

    def _target_level(self) -> int:
        """The level for this load, at most one step from the present one."""
        steps = self._steps
        levels = [0, *steps]
        at = levels.index(self.level)
        if at < len(steps) and self.percent >= steps[levels[at + 1]]:
            return levels[at + 1]
        # Not the threshold of the step itself: around it the level would change back and forth.
        if at and self.percent < self.thresholds.restore:
            return levels[at - 1]
        return self.level

    @property
    def description(self) -> str:
        """The level in words, for messages."""
        return DESCRIPTIONS[self.level]
