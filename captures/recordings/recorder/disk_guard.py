"""The floor of a disk: with less free space nothing is recorded on it."""

from __future__ import annotations

from collections.abc import Callable

from cameras.runtime.disk_reserve import FREE_SPACE_HYSTERESIS
from cameras.runtime.spec import Recording
from captures.recordings.recorder.failures import floor_of

CHECK_S = 2.0
"""Seconds between checks while a clip is open."""


class DiskGuard:
    """`free_bytes` is the free space of the disk, None while it is unknown, or OSError; `on_measured` gets it with the
    floor. `clock` is monotonic, in seconds."""

    def __init__(
        self,
        free_bytes: Callable[[], int | None],
        on_measured: Callable[[int, int], None],
        clock: Callable[[], float],
    ) -> None:
        self._free_bytes, self._on_measured, self._clock = free_bytes, on_measured, clock
        self._is_full = False
        self._checked_at = 0.0

    def check_now(self, desired: Recording) -> bool:
        """Whether the disk is below its floor. Once it is, it stays so until a tenth more than the floor is free."""
        free = self._free_bytes()
        if free is None:
            return False
        floor = floor_of(desired)
        self._is_full = free < floor * (FREE_SPACE_HYSTERESIS if self._is_full else 1.0)
        self._on_measured(free, floor)
        return self._is_full

    def check_each_period(self, desired: Recording) -> bool:
        """The same, False until CHECK_S after the last such check."""
        now = self._clock()
        if now - self._checked_at < CHECK_S:
            return False
        self._checked_at = now
        return self.check_now(desired)

    def reset(self) -> None:
        """The floor itself is enough for the next clip."""
        self._is_full = False
