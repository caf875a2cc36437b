"""The settings of the stream, where they are not the camera's own: those of its session, while someone watches it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cameras.runtime.watched_driver import WatchedDriver

OF_EXPOSURE = ("exposure_us", "gain", "iso", "f_number")
SET_S = 5.0
LONGEST_US = 1_000_000
"""A longer exposure would not be live, and would hold up the next capture of the session."""


class StreamSettings:
    """Used by the camera loop's thread, with an open camera. CameraError."""

    def __init__(self, driver: WatchedDriver) -> None:
        self._driver = driver
        self._used: dict[str, Any] = {}

    def use(self, requested: Mapping[str, Any]) -> None:
        """Frames of the stream have these settings of an exposure from now on; with none, the camera's own."""
        wanted = {name: requested[name] for name in OF_EXPOSURE if requested.get(name) is not None}
        if "exposure_us" in wanted:
            wanted["exposure_us"] = min(wanted["exposure_us"], LONGEST_US)
        # Called for each frame.
        if wanted == self._used:
            return
        self._used = wanted
        with self._driver.watch_call("setting the stream", SET_S) as deadline:
            self._driver.driver.use_for_stream(wanted, deadline)

    def restore(self) -> None:
        """The camera's own settings, before they are changed or used for a still."""
        self.use({})

    def record_opened(self) -> None:
        """The camera has its own settings."""
        self._used = {}
