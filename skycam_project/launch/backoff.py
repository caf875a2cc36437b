"""How long to wait before a part is started again, and when to give up."""

from __future__ import annotations

import random

from skycam_project.launch.errors import LaunchError
from skycam_project.launch.limits import Limits


class CrashLoop(LaunchError):
    """A part ended again and again right after its start."""


class Backoff:
    """The first restart comes at once, then after 1, 2, 4 ... 60 s, each with jitter; a healthy life resets it."""

    LONGEST_S = 60.0

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.failures = 0
        self.quick_exits = 0

    def after(self, lived_s: float) -> float:
        """Seconds to wait after a life of `lived_s` seconds. Raises CrashLoop when too many lives were too short."""
        self.quick_exits = self.quick_exits + 1 if lived_s < self.limits.crash_loop_s else 0
        if self.quick_exits >= self.limits.crash_loop_exits:
            raise CrashLoop
        self.failures = 1 if lived_s >= self.limits.healthy_s else self.failures + 1
        return self._delay()

    def _delay(self) -> float:
        if self.failures == 1:
            return 0.0
        exact: float = min(self.LONGEST_S, 2.0 ** min(self.failures - 2, 10))
        return exact * random.uniform(0.8, 1.2)
