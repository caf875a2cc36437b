"""Returns freed memory to the system. The C library keeps what decoders and encoders freed, and scatters the memory of
the next one over it: the process of a camera that disconnects every few seconds grew by 11 MB, and one kept 40 MB
after its session. docs/decisions/camera-memory.md has the figures."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable

from cameras.runtime.messages import StateReport

QUIET_S = 3.0
"""Shorter pauses between pictures release nothing: the next picture would need the same memory, cleared again."""

_libc = ctypes.CDLL(None)


def release_freed_memory() -> None:
    """Takes a few milliseconds. Does nothing if the C library is not glibc."""
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)


class MemoryReleaser:
    """Releases freed memory once after each picture, frame or command that QUIET_S without another one follow. Only the
    reporting thread uses it."""

    def __init__(
        self, release: Callable[[], None] = release_freed_memory, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._release, self._now = release, now
        self._seen: tuple[object, ...] = ()
        self._release_at: float | None = None

    def note_report(self, report: StateReport) -> None:
        """With each report of the camera's state, by which its work is seen."""
        seen = (report["frames"], report["last_capture"], report["session"] is None, report["doing"])
        if seen != self._seen:
            self._seen, self._release_at = seen, self._now() + QUIET_S
        elif self._release_at is not None and self._now() >= self._release_at:
            self._release_at = None
            self._release()
