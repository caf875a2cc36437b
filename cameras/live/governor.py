"""`Governor`: when a busy machine gives less live view, so that recording and captures have it. Django-free.

First pictures become smaller, then fewer; a step is taken when the load has lasted, and taken back, one at a time, when
it has been well below for as long.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

SMOOTHING = 0.5
QUALITY, FPS = 1, 2
"""Levels: pictures are smaller; and fewer as well."""


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

    def _next(self) -> int:
        """The level that this load asks for, one step at most from the present one."""
        at = self.thresholds
        next_up = {0: at.lower_quality or at.lower_fps, QUALITY: at.lower_fps}.get(self.level)
        if next_up and self.percent >= next_up:
            return self.level + 1
        if self.level and self.percent < at.restore:
            return self.level - 1
        return self.level

    @property
    def what(self) -> str:
        """What is given less of."""
        return ("pictures are as they should be", "pictures are smaller", "pictures are smaller and fewer")[self.level]
