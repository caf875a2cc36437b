"""A camera's driver with the deadlines of its calls."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from cameras.drivers.base import Driver
from cameras.runtime.clock import CameraClock
from core.watchdog import Watchdog


class WatchedDriver:
    """Used by the camera loop's thread. Only `driver.abort` and `driver.set_faults` may be called from others."""

    def __init__(self, driver: Driver, clock: CameraClock, watchdog: Watchdog, margin_s: float) -> None:
        self.driver, self.clock, self._watchdog = driver, clock, watchdog
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
        # The driver ends the exposure at its deadline; one second more tells a slow one from one that hangs.
        with self._watchdog.watch_call("exposing", max(0.1, deadline - self.clock.monotonic()) + 1.0):
            yield
