"""Reads the sources of gates, each on a thread of its own: one that hangs delays neither another nor the
Supervisor."""

from __future__ import annotations

import time
from collections.abc import Callable

from cameras.gates.gate import NO_READING, Reading
from cameras.gates.sources import Source
from core.periodic.thread import PeriodicThread

LATE_S = 5.0
"""Seconds that a reading may be late on a busy machine before the value is unknown."""


class SourceReader:
    """Its thread replaces the newest reading; any thread may ask for it."""

    def __init__(
        self,
        name: str,
        source: Source,
        every_s: float,
        deadline_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source, self._clock = source, clock
        self._life_s = every_s + deadline_s + LATE_S
        self._newest: tuple[Reading, float] = (NO_READING, clock())
        self._thread = PeriodicThread("gate", self.read, subject=name, interval_s=every_s)

    def start(self) -> None:
        self._thread.start()

    def request_stop(self) -> None:
        self._thread.request_stop()

    def reading(self) -> Reading:
        """The newest reading; unknown if the source hangs."""
        reading, read_at = self._newest
        age_s = self._clock() - read_at
        return reading if age_s < self._life_s else Reading(None, f"The source has not answered for {age_s:.0f} s.")

    def read(self) -> None:
        self._newest = (self._source.read(), self._clock())
