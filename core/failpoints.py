"""Failpoints: named places where a test can kill the process. Django-free."""

from __future__ import annotations

import os
import signal


class Failpoints:
    """The failpoints of one subject. They do nothing unless a test arms one."""

    def __init__(self, points: tuple[str, ...]) -> None:
        self.points = points
        self._armed: dict[str, int] = {}

    def arm(self, point: str, passes: int = 0) -> None:
        """Kill this process at `point`, after it was passed `passes` times. ValueError for an unknown point."""
        if point not in self.points:
            raise ValueError(f"{point!r} is not a failpoint. The failpoints are: {', '.join(self.points)}.")
        self._armed[point] = passes

    def hit(self, point: str) -> None:
        if point not in self._armed:
            return
        if self._armed[point] > 0:
            self._armed[point] -= 1
            return
        # SIGKILL: no `finally` and no exit handler runs, as in a real kill.
        os.kill(os.getpid(), signal.SIGKILL)
