"""Liveness: what the owner is doing and until when it may take. Exposures and frames arriving in time, not
`is_alive()`, say whether a camera lives."""

from __future__ import annotations

import contextlib
import faulthandler
import sys
import threading
import time
from collections.abc import Iterator

LAST_NET_S = 60.0
"""This long after a call is overdue, or after a library took the interpreter for itself, the process ends itself
with its stack on stderr, should nobody else have ended it."""


class Watch:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._doing = "starting"
        self._until: float | None = None

    @contextlib.contextmanager
    def during(self, doing: str, allowed_s: float) -> Iterator[None]:
        """The owner calls a driver: `doing` should end within `allowed_s` seconds."""
        with self._lock:
            self._doing, self._until = doing, time.monotonic() + allowed_s
        try:
            yield
        finally:
            with self._lock:
                self._doing, self._until = "waiting", None

    def look(self) -> tuple[str, float]:
        """What is being done, and by how many seconds it is overdue (0 when it is not). Called each second by the
        reporting thread, which thereby holds the last net open."""
        with self._lock:
            late = 0.0 if self._until is None else time.monotonic() - self._until
            doing = self._doing
        if late < LAST_NET_S:
            faulthandler.dump_traceback_later(LAST_NET_S, exit=True, file=sys.stderr)
        return doing, max(0.0, late)
