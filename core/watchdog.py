"""Liveness: deadlines for the calls of the camera loop to its driver, and the duration of calls to the disk. A camera
lives when its exposures and frames arrive in time; `is_alive()` of its process does not say that."""

from __future__ import annotations

import contextlib
import errno
import faulthandler
import sys
import threading
import time
from collections.abc import Callable, Iterator

LAST_RESORT_S = 60.0
"""The process ends itself, with its stack on stderr, this long after a library blocked the interpreter, unless
something else has ended it before. After a call became overdue while reports continue, it takes twice as long: see
`check_deadline`."""

DISK_TIMEOUT_S = 30.0
"""A disk that does not answer within this time counts as hung."""


class DiskWatchdog:
    """Times the calls to a disk that are in progress, on any thread. `_lock` guards `_began`."""

    def __init__(self) -> None:
        self.timeout_s = DISK_TIMEOUT_S
        self._lock = threading.Lock()
        self._began: dict[int, float] = {}

    @contextlib.contextmanager
    def watch_call(self) -> Iterator[None]:
        """Around one call, or around several that belong together."""
        thread = threading.get_ident()
        with self._lock:
            # Nested calls belong to the outermost one: many slow calls in a row count as one long wait.
            is_outermost = thread not in self._began
            self._began.setdefault(thread, time.monotonic())
        try:
            yield
        finally:
            if is_outermost:
                with self._lock:
                    del self._began[thread]

    def is_blocking(self, thread: int | None) -> bool:
        """Whether the disk has not answered this thread for `timeout_s` seconds."""
        with self._lock:
            # 0 is no thread: `get_ident` never returns it.
            began = self._began.get(thread or 0)
        return began is not None and time.monotonic() - began > self.timeout_s

    def timeout_error(self) -> OSError:
        return TimeoutError(errno.ETIMEDOUT, f"it takes longer than {self.timeout_s:g} s")


class Watchdog:
    """The deadline of the call to the driver that is in progress, in the time of `now`."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self._lock = threading.Lock()
        self._doing = "starting"
        self._until: float | None = None

    @contextlib.contextmanager
    def watch_call(self, doing: str, allowed_s: float) -> Iterator[None]:
        """Around a call to the driver: `doing` should end within `allowed_s` seconds."""
        with self._lock:
            # The camera loop's thread writes, the reporting thread reads: both fields change together.
            self._doing, self._until = doing, self.now() + allowed_s
        try:
            yield
        finally:
            with self._lock:
                self._doing, self._until = "waiting", None

    def check_deadline(self) -> tuple[str, float]:
        """What is in progress, and by how many seconds it is overdue (0 when it is not). The reporting thread calls it
        each second, which postpones the exit of the process by LAST_RESORT_S until a call is overdue by as long."""
        with self._lock:
            late = 0.0 if self._until is None else self.now() - self._until
            doing = self._doing
        # The timer is a thread in C that needs no GIL, so it also ends a process whose library never gives the GIL
        # back. A call that is too late does not set the timer again.
        if late < LAST_RESORT_S:
            faulthandler.dump_traceback_later(LAST_RESORT_S, exit=True, file=sys.stderr)
        return doing, max(0.0, late)
