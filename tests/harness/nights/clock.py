"""A clock that runs a script: each entry at its time of the night, in the thread that waits."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

from tests.harness.clocks.camera_clock import StepClock
from tests.harness.waiting import PATIENCE_S


class NightClock(StepClock):
    """`elapsed_s` counts from the begin of the night, also through reboots and whatever the wall clock says."""

    def __init__(self, wall: float) -> None:
        super().__init__(wall)
        self.elapsed_s = 0.0
        self._script: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def at(self, elapsed_s: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._script, (elapsed_s, next(self._numbers), action))

    def wait(self, seconds: float) -> bool:
        if self.wakes_on_work:
            self.settled(PATIENCE_S)
        end_s = self.elapsed_s + max(1e-6, seconds)
        while not self._interrupted() and self.elapsed_s < end_s:
            self._go_on_to(min(end_s, self._script[0][0]) if self._script else end_s)
            self._run_due()
        return self._interrupted()

    def _go_on_to(self, elapsed_s: float) -> None:
        self.go_on(max(0.0, elapsed_s - self.elapsed_s))

    def _run_due(self) -> None:
        while self._script and self._script[0][0] <= self.elapsed_s:
            _, _, action = heapq.heappop(self._script)
            action()

    def go_on(self, seconds: float) -> None:
        super().go_on(seconds)
        self.elapsed_s += seconds

    def reboot(self, off_s: float, boot: str = "") -> None:
        super().reboot(off_s, boot or f"boot at {self.elapsed_s:.0f} s")
        self.elapsed_s += off_s
