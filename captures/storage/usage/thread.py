"""Measures the usage of a host's storage each hour, on a thread of its jobs part."""

from __future__ import annotations

import math
import time

from captures.storage.usage.measuring import measure_disk, measure_rows
from core.retrying_thread import RetryingThread

INTERVAL_S = 3600.0
DISK_INTERVAL_S = 6 * 3600.0
DELAY_S = 60.0
"""After the start, when other parts need the disk and the database."""
PAUSE_S = 0.05


class UsageMeasurement:
    def __init__(self, host: str, delay_s: float = DELAY_S) -> None:
        self._host, self._delay_s = host, delay_s
        self._walked_at = -math.inf
        self._thread = RetryingThread("storage usage", self._measure, INTERVAL_S)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._thread.stop(within_s=2.0)

    def _measure(self) -> None:
        self._thread.pause(self._delay_s)
        self._delay_s = 0.0
        if self._thread.is_stopping():
            return
        measure_rows(self._host)
        if time.monotonic() - self._walked_at >= DISK_INTERVAL_S:
            measure_disk(self._host, lambda: self._thread.pause(PAUSE_S), self._thread.is_stopping)
            self._walked_at = time.monotonic()
