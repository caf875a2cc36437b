"""What a camera reports between exposures: its temperature, battery and card, and the settings on its body."""

from __future__ import annotations

from cameras.drivers.base import Supplies
from cameras.runtime.camera_settings import APPLY_S, NEGLIGIBLE_S, CameraSettings
from cameras.runtime.watched_driver import WatchedDriver


class Telemetry:
    """Read by the camera loop's thread; any thread may read the values."""

    def __init__(self, driver: WatchedDriver, settings: CameraSettings, interval_s: float) -> None:
        self._driver, self._settings, self._interval_s = driver, settings, interval_s
        self.temperature_celsius: float | None = None
        self.supplies = Supplies()
        self._read_at = -interval_s
        self._took_s = 0.0
        """How long the camera took to deliver its telemetry the last time."""

    def is_due(self, within_s: float) -> bool:
        """Every `interval_s` seconds, unless it would delay the exposure that is due in `within_s` seconds."""
        since_s = self._driver.clock.monotonic() - self._read_at
        return since_s >= self._interval_s and self._took_s <= max(NEGLIGIBLE_S, within_s / 2)

    def read(self) -> None:
        """Of an open camera. Also reads the settings: a dial may have been turned. CameraError."""
        driver = self._driver.driver
        # Before the calls: a camera that fails here must not be read again at once.
        self._read_at = now = self._driver.clock.monotonic()
        with self._driver.watch_call("asking for a sign of life", APPLY_S) as deadline:
            driver.check_alive(deadline)
        with self._driver.watch_call("reading the temperature"):
            self.temperature_celsius = driver.temperature()
        with self._driver.watch_call("reading battery and card", APPLY_S) as deadline:
            self.supplies = driver.supplies(deadline)
        self._settings.read_back()
        self._took_s = self._driver.clock.monotonic() - now

    def reset(self) -> None:
        """The camera was closed: its battery and card may be exchanged."""
        self.supplies = Supplies()
