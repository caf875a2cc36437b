"""The back-off between restarts of parts and camera processes, and when to give up."""

from __future__ import annotations

import random
from dataclasses import dataclass

MAX_PAUSE_S = 60.0


class CrashLoop(Exception):
    """The process ended too often right after its start."""


@dataclass(slots=True)
class BackOff:
    """The first restart is immediate, the next follow after 1, 2, 4 ... 60 s with jitter. A healthy run resets it."""

    healthy_s: float = 30.0
    crash_loop_exits: int = 5
    crash_loop_s: float = 10.0
    exits: int = 0
    quick_exits: int = 0

    def next_delay_s(self, uptime_s: float, *, counts: bool = True) -> float:
        """Seconds to wait after a run of `uptime_s` seconds. Raises CrashLoop after too many short runs in a row; one
        that does not count only makes the pause longer."""
        if uptime_s >= self.crash_loop_s:
            self.quick_exits = 0
        elif counts:
            self.quick_exits += 1
        if self.quick_exits >= self.crash_loop_exits:
            raise CrashLoop
        # 1 and not 0: this exit counts, and its restart is the immediate one.
        self.exits = 1 if uptime_s >= self.healthy_s else self.exits + 1
        if self.exits == 1:
            return 0.0
        # The exponent is limited because 2.0 ** 1024 raises OverflowError.
        exact: float = min(MAX_PAUSE_S, 2.0 ** min(self.exits - 2, 10))
        # Parts that died together must not all start at the same moment.
        return exact * random.uniform(0.8, 1.2)

    def reset(self) -> None:
        """Start from the beginning, for example when an operator asks to try again now."""
        self.exits = self.quick_exits = 0
