"""When a delivery is tried again. Django-free."""

from __future__ import annotations

import random

FIRST_DELAYS_S = (10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
HOURLY_S = 3600.0
HOURLY_TRIES = 23
MAX_TRIES = 1 + len(FIRST_DELAYS_S) + HOURLY_TRIES
"""The attempts of one day: 49 minutes of the first delays, then each hour. The day is counted in attempts and not in
hours, so that a clock that is set loses no delivery."""
JITTER = 0.1
MAX_DELAY_S = HOURLY_S * (1 + JITTER)
"""The longest delay. A later time comes from a clock that was set back since."""


def retry_delay_s(tries: int, retry_after_s: float | None = None) -> float:
    """Seconds from the attempt that was the `tries`-th (from 1) to the next. `retry_after_s` is what the receiver
    wants: it may delay the attempt by up to an hour, and never hastens it."""
    planned = FIRST_DELAYS_S[tries - 1] if tries <= len(FIRST_DELAYS_S) else HOURLY_S
    wanted = min(retry_after_s or 0.0, HOURLY_S)
    # Many deliveries that failed together must not all return at the same moment.
    return max(planned * random.uniform(1 - JITTER, 1 + JITTER), wanted)
