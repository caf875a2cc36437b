"""When the loop of a thread last went round."""

from __future__ import annotations

import time


class Liveness:
    """Its thread writes it; any thread may read it."""

    def __init__(self) -> None:
        self._at = time.monotonic()

    def beat(self) -> None:
        self._at = time.monotonic()

    @property
    def age_s(self) -> float:
        """Seconds since the last round."""
        return time.monotonic() - self._at
