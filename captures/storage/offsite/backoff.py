"""When a failed copy or a failing destination is tried again. Django-free."""

from __future__ import annotations

import random

FIRST_S, LONGEST_S = 1.0, 900.0
JITTER = 0.2


def retry_delay_s(failures: int, chance: float | None = None) -> float:
    """Seconds from failure number `failures`, counted from 1, to the next attempt: 1, 2, 4 ... 900, each up to a fifth
    more or less. `chance`, from 0 to 1, replaces the random part."""
    # The exponent is limited because 2.0 ** 1024 raises OverflowError.
    exact = min(LONGEST_S, FIRST_S * 2.0 ** min(max(failures, 1) - 1, 20))
    # Hosts that failed together must not all try at the same moment.
    part = random.random() if chance is None else chance
    return exact * (1 - JITTER + 2 * JITTER * part)
