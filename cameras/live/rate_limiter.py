"""`RateLimiter`: a token bucket of bytes. It says how long to wait; nothing is queued: the newest is sent then."""

from __future__ import annotations

import time
from collections.abc import Callable

BURST_S = 0.5
"""How many seconds of unused rate may be saved up."""


class RateLimiter:
    """`kbit_s` 0: no limit. A picture may overdraw the bucket, as a large one could never be sent otherwise; then the
    next one waits longer."""

    def __init__(self, kbit_s: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at, self._left = clock(), 0.0
        self.kbit_s = kbit_s

    @property
    def _rate(self) -> float:
        """Bytes a second."""
        return self.kbit_s * 125

    def wait_s(self) -> float:
        """Seconds until the next picture may be sent; 0 for now."""
        if not self.kbit_s:
            return 0.0
        now = self._clock()
        self._left = min(BURST_S * self._rate, self._left + (now - self._at) * self._rate)
        self._at = now
        return max(0.0, -self._left / self._rate)

    def consume(self, size: int) -> None:
        """Take `size` bytes. Call `wait_s` first: it refills the bucket."""
        if self.kbit_s:
            self._left -= size
