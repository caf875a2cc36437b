"""Returns freed memory to the system. The C library keeps what decoders and encoders freed, and scatters the memory of
the next one over it: the process of a camera that disconnects every few seconds grew by 11 MB, and one kept 40 MB
after its session. docs/decisions/camera-memory.md has the figures."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable

from cameras.runtime.messages import StateReport

QUIET_S = 3.0
"""After shorter pauses the next picture would need the same memory again, cleared by the system."""
BUSY_S = 30.0
"""Without such pauses memory is released this often: what pictures and frames leave behind adds up over an hour."""

_libc = ctypes.CDLL(None)


def release_freed_memory() -> None:
    """Takes a few milliseconds. Does nothing if the C library is not glibc."""
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)


class MemoryReleaser:
    """Releases freed memory once the camera has been quiet for QUIET_S, and every BUSY_S while it is not. Only the
    reporting thread uses it."""

    def __init__(
        self, release: Callable[[], None] = release_freed_memory, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._release, self._now = release, now
        self._seen: tuple[object, ...] = ()
        self._used_at = self._released_at = now()

    def note_report(self, report: StateReport) -> None:
        """With each report of the camera's state, by which its work is seen."""
        now, seen = self._now(), (report["frames"], report["last_capture"], report["session"] is None)
        if seen != self._seen:
            self._seen, self._used_at = seen, now
        is_quiet = self._released_at <= self._used_at <= now - QUIET_S
        if is_quiet or (self._used_at == now and now - self._released_at >= BUSY_S):
            self._released_at = now
            self._release()
