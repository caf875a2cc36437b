"""The exposures of an open camera."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cameras.drivers.base import CameraError, Exposure, ExposureRequest
from cameras.runtime.camera_settings import APPLY_S, CameraSettings, StreamSettings
from cameras.runtime.clock import ClockOffset
from cameras.runtime.device_timing import DeviceTiming, RetrySchedule
from cameras.runtime.watched_driver import WatchedDriver
from core.dataclass_json import dataclass_from_json


class CameraExposures:
    """Used by the camera loop's thread, except for `correct_fetched`."""

    def __init__(
        self,
        driver: WatchedDriver,
        timing: DeviceTiming,
        settings: CameraSettings,
        stream_settings: StreamSettings,
        retries: RetrySchedule,
        clock_offset: ClockOffset,
        reopen: Callable[[], None],
    ) -> None:
        self._driver, self._timing, self._settings = driver, timing, settings
        self._stream_settings = stream_settings
        self._retries, self._clock_offset, self._reopen = retries, clock_offset, reopen

    def expose(self, requested: dict[str, Any], allowed_s: float) -> Exposure:
        """One exposure. If it failed before the shutter opened, the camera is reopened for a second try. CameraError,
        Aborted."""
        request, clock = dataclass_from_json(ExposureRequest, requested), self._driver.clock
        deadline = clock.monotonic() + allowed_s
        if request.options:
            self._driver.driver.check_options(request.options)
        try:
            return self._expose_once(request, deadline)
        except CameraError as error:
            # If the shutter did not open, the same id may be exposed again: there is no picture of it.
            if error.permanent or not error.before_shutter or clock.monotonic() >= deadline:
                raise
            self._reopen()
            return self._expose_once(request, deadline)

    def _expose_once(self, request: ExposureRequest, deadline: float) -> Exposure:
        """New work does not wake the driver meanwhile; an abort does."""
        clock = self._driver.clock
        self._stream_settings.restore()
        # A driver raises `Aborted` when a wait in its exposure is interrupted, whatever the cause.
        clock.wakes_on_work = False
        began_ns, began = clock.wall_ns(), clock.monotonic()
        try:
            with self._driver.watch_exposure(deadline):
                exposure = self._driver.driver.expose(request, deadline)
        except CameraError as error:
            self._retries.record_failed_picture(error.reason)
            raise
        finally:
            clock.wakes_on_work = True
        exposure.called = began_ns / 1e9, began
        exposure.warnings = [*exposure.warnings, *self._settings.format_warnings(request.format)]
        self._timing.record_shutter(request.exposure_us, exposure.actual)
        # Not the wall clock: if that was set meanwhile, the difference shows it in `correct_exposure`.
        ended_ns = began_ns + round((clock.monotonic() - began) * 1e9)
        self._clock_offset.correct_exposure(exposure, began_ns, ended_ns, clock.wall_ns())
        return exposure

    def correct_fetched(self, exposure: Exposure) -> None:
        """From the still thread: its picture was fetched."""
        self._clock_offset.correct_fetched(exposure, self._driver.clock.wall_ns())

    def delete_from_card(self, exposure: Exposure) -> None:
        """CameraError."""
        with self._driver.watch_call("clearing the card", APPLY_S) as deadline:
            self._driver.driver.delete_from_card(exposure, deadline)
