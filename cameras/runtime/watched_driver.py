"""A camera's driver with the deadlines of its calls, and the time that fetching a picture takes."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from cameras.drivers.base import Driver
from cameras.runtime.clock import CameraClock
from core.watchdog import Watchdog


class FetchTimer:
    """By how many seconds the fetch in progress is overdue. Its time stands still while an exposure runs, because a
    camera may transfer a picture as part of its next exposure. `now` gives seconds.

    The still thread times fetches, the camera loop's thread pauses them, and any thread reads. `_lock` guards all
    fields.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._left_s: float | None = None
        """What was left at `_since`; None while nothing is fetched."""
        self._since = 0.0
        self._is_paused = False

    @contextlib.contextmanager
    def time_fetch(self, allowed_s: float) -> Iterator[None]:
        """Around a fetch."""
        with self._lock:
            self._left_s, self._since = allowed_s, self._now()
        try:
            yield
        finally:
            with self._lock:
                self._left_s = None

    @contextlib.contextmanager
    def pause(self) -> Iterator[None]:
        """Around an exposure."""
        with self._lock:
            if self._left_s is not None:
                self._left_s -= self._now() - self._since
            self._is_paused = True
        try:
            yield
        finally:
            with self._lock:
                self._is_paused, self._since = False, self._now()

    @property
    def overdue_s(self) -> float:
        """0 while nothing is fetched, or while an exposure runs."""
        with self._lock:
            if self._left_s is None or self._is_paused:
                return 0.0
            return max(0.0, self._now() - self._since - self._left_s)


HANGS_AFTER_S = 1.0
"""A driver ends an exposure or a fetch at its deadline. This much later it hangs, and is not slow."""


class WatchedDriver:
    """Used by the camera loop's thread. Only `driver.abort`, `driver.set_faults` and fetches, in `watch_fetch`, may be
    called from others."""

    def __init__(self, driver: Driver, clock: CameraClock, watchdog: Watchdog, margin_s: float) -> None:
        self.driver, self.clock, self._watchdog = driver, clock, watchdog
        self.fetch_timer = FetchTimer(watchdog.now)
        self.margin_s = margin_s
        """Seconds that a call may take beyond exposure and readout before the camera counts as hung."""

    @contextlib.contextmanager
    def watch_call(self, doing: str, allowed_s: float = 0.0) -> Iterator[float]:
        """Around a call to the driver that should end within `allowed_s` seconds. Gives its deadline, in seconds of
        `clock.monotonic()`. The watchdog allows the margin on top."""
        with self._watchdog.watch_call(doing, allowed_s + self.margin_s):
            yield self.clock.monotonic() + allowed_s

    @contextlib.contextmanager
    def watch_exposure(self, deadline: float) -> Iterator[None]:
        """Around an exposure, whose deadline contains the margin."""
        allowed_s = max(0.1, deadline - self.clock.monotonic()) + HANGS_AFTER_S
        with self.fetch_timer.pause(), self._watchdog.watch_call("exposing", allowed_s):
            yield

    @contextlib.contextmanager
    def watch_fetch(self, allowed_s: float) -> Iterator[float]:
        """Around a fetch that should end within `allowed_s` seconds, on the still thread. Gives its deadline, which
        contains the margin."""
        allowed_s += self.margin_s
        with self.fetch_timer.time_fetch(allowed_s + HANGS_AFTER_S):
            yield self.clock.monotonic() + allowed_s
