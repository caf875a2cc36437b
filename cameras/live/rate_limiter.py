"""`RateLimiter`: so many bytes a second. What is above it waits for its turn and then gets the newest; nothing is queued."""

from __future__ import annotations

import time
from collections.abc import Callable

BURST_S = 0.5
"""What was not used is kept for so long."""


class RateLimiter:
    """`kbit_s` 0: no limit. A picture may overdraw it, or a large one never came; the next waits the longer."""

    def __init__(self, kbit_s: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at, self._left = clock(), 0.0
        self.kbit_s = kbit_s

    @property
    def _rate(self) -> float:
        """Bytes a second."""
        return self.kbit_s * 125

    def wait_s(self) -> float:
        """Seconds until the next picture may be given; 0 for now."""
        if not self.kbit_s:
            return 0.0
        now = self._clock()
        self._left = min(BURST_S * self._rate, self._left + (now - self._at) * self._rate)
        self._at = now
        return max(0.0, -self._left / self._rate)

    def consume(self, size: int) -> None:
        """`size` in bytes. `wait_s` was asked before."""
        if self.kbit_s:
            self._left -= size
