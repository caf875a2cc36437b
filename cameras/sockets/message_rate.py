"""Limits how often a client may send: `per_s` messages a second on average, twice as many in a burst."""

from __future__ import annotations

import time


class MessageRate:
    def __init__(self, per_s: float) -> None:
        self.per_s = per_s
        self._left = 2 * per_s
        self._at = time.monotonic()

    def allow_message(self) -> bool:
        """Whether one more message is within the rate."""
        now = time.monotonic()
        self._left = min(2 * self.per_s, self._left + (now - self._at) * self.per_s)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
