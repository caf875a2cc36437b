"""`LossCounter`: what was dropped, until an event says so. Django-free."""

from __future__ import annotations

import threading
from collections.abc import Callable


class LossCounter:
    """Any thread may count; `record` records an event about a number of losses."""

    def __init__(self, record: Callable[[int], object]) -> None:
        self._record = record
        self._lock = threading.Lock()
        self.total = 0
        """Since the start."""
        self._unreported = 0

    def count(self, number: int) -> None:
        with self._lock:
            self.total += number
            self._unreported += number

    def report(self) -> None:
        """Record the losses since the last report, if there are some. What `record` raises; they are reported later
        then."""
        number = self._unreported
        if number:
            self._record(number)
            with self._lock:
                self._unreported -= number
