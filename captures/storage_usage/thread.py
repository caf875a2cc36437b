"""The periodic measurement of what a host's storage is used for, in its jobs part."""

from __future__ import annotations

import math
import time

from captures.storage_usage.measuring import measure_disk, measure_rows
from core.periodic.work import Work

DISK_INTERVAL_S = 6 * 3600.0
DELAY_S = 60.0
"""After the start, when other parts need the disk and the database."""
PAUSE_S = 0.05


class UsageMeasurement(Work):
    def __init__(self, host: str, delay_s: float = DELAY_S) -> None:
        super().__init__(host)
        self._delay_s = delay_s
        self._walked_at = -math.inf

    def run(self) -> None:
        self.control.pause(self._delay_s)
        self._delay_s = 0.0
        if self.control.is_stopping():
            return
        measure_rows(self.host)
        if time.monotonic() - self._walked_at >= DISK_INTERVAL_S:
            measure_disk(self.host, lambda: self.control.pause(PAUSE_S), self.control.is_stopping)
            self._walked_at = time.monotonic()
