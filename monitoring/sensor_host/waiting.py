"""`WaitingReadings`: readings in memory on their way to the database. Django-free."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from core.readings.reading import JudgedReading


class WaitingReadings:
    """Any thread may use it. Beyond `limit` the oldest are dropped and `count_lost` is told how many."""

    def __init__(self, limit: int, count_lost: Callable[[int], None]) -> None:
        self._limit, self._count_lost = limit, count_lost
        self._lock = threading.Lock()
        self._readings: deque[JudgedReading] = deque()

    def add(self, readings: Iterable[JudgedReading]) -> None:
        with self._lock:
            self._readings.extend(readings)
            self._drop_oldest()

    def put_back(self, readings: Sequence[JudgedReading]) -> None:
        """Before all that have come since they were drained."""
        with self._lock:
            self._readings.extendleft(reversed(readings))
            self._drop_oldest()

    def drain(self) -> list[JudgedReading]:
        with self._lock:
            found = list(self._readings)
            self._readings.clear()
        return found

    def _drop_oldest(self) -> None:
        excess = len(self._readings) - self._limit
        for _ in range(excess):
            self._readings.popleft()
        if excess > 0:
            self._count_lost(excess)
