"""Keeps a camera open: closes it after each error, and opens it again with back-off. `CameraExposures` makes the
exposures of the open camera."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from typing import Any

from cameras.drivers.abilities import AttachedDevice, CameraBody, FaultInjection, PacketSource
from cameras.drivers.base import CameraError, Capabilities, Exposure, ExposureRequest, Identity
from cameras.drivers.packets import PacketSink
from cameras.runtime.camera_settings import APPLY_S, CameraSettings, StreamSettings, Telemetry
from cameras.runtime.clock import ClockOffset
from cameras.runtime.device_timing import LONGEST_BACK_OFF_S, OPEN_S, DeviceTimes, DeviceTiming, RetrySchedule
from cameras.runtime.frame_stream import FrameStream
from cameras.runtime.link import Reporter, ReportSink
from cameras.runtime.memory import release_freed_memory
from cameras.runtime.messages import FaultsReport, LadderReport, OpenedReport, Reading, Trouble
from cameras.runtime.watched_driver import WatchedDriver
from core.dataclass_json import dataclass_from_json
from core.device_holders import CameraClaim


class DeviceState(StrEnum):
    CLOSED = "closed"
    """It was not opened yet."""
    OPENING = "opening"
    OPEN = "open"
    FAILED = "failed"
    """It was closed after an error, and the next try waits for its time."""


class DeviceEvent(StrEnum):
    TRY = "try"
    """It is to be opened, and the next try is due."""
    OPENED = "opened"
    FAILURE = "failure"
    """A CameraError of any call, or the Supervisor's command to reopen it."""


MOVES: dict[tuple[DeviceState, DeviceEvent], DeviceState] = {
    (DeviceState.CLOSED, DeviceEvent.TRY): DeviceState.OPENING,
    (DeviceState.CLOSED, DeviceEvent.FAILURE): DeviceState.FAILED,
    (DeviceState.FAILED, DeviceEvent.TRY): DeviceState.OPENING,
    (DeviceState.FAILED, DeviceEvent.FAILURE): DeviceState.FAILED,
    (DeviceState.OPENING, DeviceEvent.OPENED): DeviceState.OPEN,
    (DeviceState.OPENING, DeviceEvent.FAILURE): DeviceState.FAILED,
    (DeviceState.OPEN, DeviceEvent.OPENED): DeviceState.OPEN,  # reopened for a second try of an exposure
    (DeviceState.OPEN, DeviceEvent.FAILURE): DeviceState.FAILED,
}


class Device:
    """The state of a camera, and the parts that use it while it is open. Used by the camera loop's thread, except for
    `retry_now` and `inject_faults`; any thread may read what it reports."""

    def __init__(
        self,
        driver: WatchedDriver,
        reporter: Reporter,
        link: ReportSink,
        packets: PacketSink,
        settings: dict[str, Any],
        times: DeviceTimes,
        claim: CameraClaim,
    ) -> None:
        self._watched, self._reporter, self._link, self._packets = driver, reporter, link, packets
        self._claim = claim
        self.driver, self._clock, self._clock_offset = driver.driver, driver.clock, ClockOffset(reporter)
        self._state = DeviceState.CLOSED
        self.error: CameraError | None = None
        """Why it is not open."""
        self.failed_opens = 0
        """Tries to open the camera that failed since it was last open."""
        self.openings = 0
        """How often it was opened."""
        self.identity = Identity()
        self.capabilities = Capabilities()
        self.retries = retries = RetrySchedule(times.first_pause_s)
        self.timing = timing = DeviceTiming(driver.margin_s)
        self.stream_settings = StreamSettings(driver)
        self.settings = CameraSettings(driver, timing, link, self.stream_settings, settings, times.fresh_s)
        self.telemetry = Telemetry(driver, self.settings, times.telemetry_s)
        self.stream = FrameStream(driver, timing, retries, self._clock_offset, packets)
        self.exposures = CameraExposures(
            driver, timing, self.settings, self.stream_settings, retries, self._clock_offset, self.reopen
        )

    @property
    def is_open(self) -> bool:
        return self._state is DeviceState.OPEN

    @property
    def trouble(self) -> Trouble | None:
        """Why it is not open; None when it is."""
        error = self.error
        return Trouble(reason=error.reason, permanent=error.permanent) if error else None

    def _move(self, event: DeviceEvent) -> None:
        self._state = MOVES[self._state, event]

    def ensure_open(self) -> bool:
        """Open the camera unless it is open or the next try is not due. Returns whether it is open."""
        now = self._clock.monotonic()
        if self.is_open:
            self.retries.reset_when_healthy(now)
            return True
        if not self.retries.is_due(now):
            return False
        self._move(DeviceEvent.TRY)
        try:
            self.reopen()
        except CameraError as error:
            self.handle_failure(error)
            return False
        return True

    def reopen(self) -> None:
        """Close and open it, and apply its settings. CameraError."""
        with self._watched.watch_call("opening", OPEN_S) as deadline:
            # Also if it seems open: libgphoto2 may block for ever on a connection that had an error.
            self.driver.close()
            if isinstance(self.driver, PacketSource):
                self.driver.copy_packets_to(self._packets)
            self.identity = self.driver.open(deadline)
            self.capabilities = self.driver.capabilities()
            # Before it counts as open: no exposure may have other settings than the desired ones.
            applied = self.driver.apply(self.settings.desired, deadline)
        self._move(DeviceEvent.OPENED)
        self.openings += 1
        self.error = None
        self.timing.readout_s = self.capabilities.readout_s
        self.retries.record_opened(self._clock.monotonic())
        self.stream.record_opened()
        self.stream_settings.record_opened()
        self._clock_offset.reset()
        place = self.driver.device_location() if isinstance(self.driver, AttachedDevice) else ""
        self._claim.hold(place)
        self._link.send(
            OpenedReport(
                type="opened", identity=asdict(self.identity), capabilities=asdict(self.capabilities), place=place
            )
        )
        self.settings.record_applied(self.settings.desired, applied)
        self._reporter.report_state("ready")

    def handle_failure(self, error: CameraError) -> None:
        """Close the camera. The next try follows at once, then after 1 s and more with jitter, up to a limit."""
        # Before the move, which ends `is_open`.
        self.failed_opens = 0 if self.is_open else self.failed_opens + 1
        self._move(DeviceEvent.FAILURE)
        self.error = error
        self.stream.record_closed()
        self.telemetry.reset()
        with self._watched.watch_call("closing"):
            self.driver.close()
            release_freed_memory()
        self._claim.release()
        # A permanent error may be a wrong password: many cameras lock out users who try more often.
        longest_s = LONGEST_BACK_OFF_S if error.permanent else self.driver.max_retry_interval_s
        self.retries.record_failure(self._clock.monotonic(), longest_s)
        # Once per cause, because each report is an event. Before `report_state`, which replaces the message.
        if self._reporter.message != str(error):
            self._link.send(LadderReport(type="ladder", step="reconnect", message=str(error), reason=error.reason))
        self._reporter.report_state("reconnecting", str(error), error.reason)

    def retry_now(self) -> None:
        """From any thread: the camera may be back. End the pause before the next try, and reset the failures."""
        # In this order: the loop must find the try due when it wakes.
        self.retries.reset()
        self._clock.wake()

    def next_try_s(self) -> float:
        return self.retries.next_try_s(self._clock.monotonic())

    def apply_settings(self, values: dict[str, Any], *, whole: bool = False) -> Reading:
        """Set and apply desired settings; drop rejected ones. CameraError."""
        before = self.settings.desired
        # Set first: if the camera is away, they are applied when it is opened.
        self.settings.set_desired(values, whole=whole)
        failed_opens = self.failed_opens
        if not self.ensure_open():
            if self.error is not None and self.error.reason == "rejected_setting" and self.failed_opens > failed_opens:
                # This opening failed because of them, and so would each further one.
                self.settings.set_desired(before, whole=True)
                raise self.error
            message = f"The settings are stored and will be applied when the camera is back: {self._reporter.message}"
            raise CameraError(message, reason="camera_unreachable")
        try:
            return self.settings.apply(values)
        except CameraError as error:
            if error.reason == "rejected_setting":
                # Else the camera could not be opened again: that applies all desired settings.
                self.settings.set_desired(before, whole=True)
            raise

    def inject_faults(self, faults: dict[str, Any]) -> dict[str, Any]:
        """From any thread: set exactly these faults of a simulated camera. CameraError for other cameras."""
        if not isinstance(self.driver, FaultInjection):
            raise CameraError(
                f"Faults can be switched on for simulated cameras only; this is a {self.driver.kind} camera.",
                reason="rejected_setting",
            )
        found = self.driver.set_faults(faults, self._report_faults)
        self.retry_now()
        return found

    def _report_faults(self, faults: dict[str, Any], struck: str) -> None:
        self._link.send(FaultsReport(type="faults", faults=faults, struck=struck))


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
        driver = self._driver.driver
        if isinstance(driver, CameraBody):
            with self._driver.watch_call("clearing the card", APPLY_S) as deadline:
                driver.delete_from_card(exposure, deadline)
