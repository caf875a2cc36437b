"""`TokenBucket`: how many bytes may pass in a time. Django-free."""

from __future__ import annotations

import time
from collections.abc import Callable

BURST_S = 0.25
"""Seconds of the rate that may pass at once."""


class TokenBucket:
    """Bytes at `rate` per second; None is no limit. The rate may change at any time. For one thread."""

    def __init__(self, rate: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate, self._clock = rate, clock
        self._debt, self._at = 0.0, clock()

    def take_bytes(self, count: int) -> float:
        """Let `count` bytes pass. Returns how many seconds the caller has to wait after them."""
        now = self._clock()
        if self.rate is None:
            self._debt, self._at = 0.0, now
            return 0.0
        # The debt may be below zero by a burst: the credit of a pause is limited to it.
        self._debt = max(self._debt - (now - self._at) * self.rate, -BURST_S * self.rate) + count
        self._at = now
        return max(0.0, self._debt / self.rate)
