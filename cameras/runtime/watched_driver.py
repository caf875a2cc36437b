"""A camera's driver with the deadlines of its calls."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from cameras.drivers.base import Driver
from cameras.runtime.clock import CameraClock
from cameras.runtime.fetch_timer import FetchTimer
from core.watchdog import Watchdog

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
