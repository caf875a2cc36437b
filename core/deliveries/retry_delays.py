"""`RetryDelays`: how long a failed attempt waits for the next one, and after how many none follows. Django-free."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryDelays:
    first_s: tuple[float, ...]
    """Seconds after the first failures. Each later delay is twice as long as the one before."""
    longest_s: float
    jitter: float = 0.0
    """The share by which a delay is shorter or longer: those that failed together must not return together."""
    max_tries: int | None = None
    """The attempts after which a row is given up; None: no number of them. Attempts are counted and not hours, so that
    a clock that is set gives nothing up."""

    @property
    def max_delay_s(self) -> float:
        """The longest delay. A later time comes from a clock that was set back since."""
        return self.longest_s * (1 + self.jitter)

    def delay_s(self, tries: int, retry_after_s: float | None = None, chance: float | None = None) -> float:
        """Seconds from the attempt that was the `tries`-th (from 1) to the next. `retry_after_s` is what the receiver
        wants: it may delay the attempt by up to `longest_s`, and never hastens it. `chance`, from 0 to 1, replaces the
        random part."""
        part = random.random() if chance is None else chance
        delay_s = self._planned_s(tries) * (1 - self.jitter + 2 * self.jitter * part)
        return max(delay_s, min(retry_after_s or 0.0, self.longest_s))

    def is_last(self, tries: int) -> bool:
        """Whether the attempt that was the `tries`-th is the last one."""
        return self.max_tries is not None and tries >= self.max_tries

    def _planned_s(self, tries: int) -> float:
        doublings = max(tries, 1) - len(self.first_s)
        if doublings <= 0:
            return min(self.first_s[max(tries, 1) - 1], self.longest_s)
        # The exponent is limited because 2.0 ** 1024 raises OverflowError.
        return min(self.first_s[-1] * 2.0 ** min(doublings, 30), self.longest_s)


A_DAY = RetryDelays((10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0), longest_s=3600.0, jitter=0.1, max_tries=31)
"""For receivers outside of the station: the first 49 minutes, then each hour until a day has passed."""
