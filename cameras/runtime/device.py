"""Keeps the driver open: closes it after each error, and opens it again with back-off."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from cameras.drivers import driver_class
from cameras.drivers.base import (
    CameraError,
    Capabilities,
    Driver,
    Exposure,
    ExposureRequest,
    FrameData,
    Identity,
    Supplies,
)
from cameras.drivers.packets import PacketSink
from cameras.runtime.clock import CameraClock
from cameras.runtime.memory import release_freed_memory
from cameras.runtime.reporter import Reporter
from cameras.runtime.settings_drift import Difference, SettingsDrift, same_values
from cameras.runtime.spec import Spec
from cameras.spool.session_files import iso
from core.dataclass_json import dataclass_from_json
from core.outgoing import OutgoingGuard
from core.watchdog import Watchdog

JPEG = frozenset({"jpeg", "jpg"})
OPEN_S = 20.0
"""Seconds that opening a camera may take."""
APPLY_S = 5.0
FRAME_S = 2.0
TELEMETRY_S = 5.0
NEGLIGIBLE_S = 0.05
"""Reading the telemetry or the settings may take this many seconds at any time; more only between exposures."""
FRESH_S = 1.0
"""A reading of the settings answers requests for this many seconds."""
LONGEST_BACK_OFF_S = 60.0
"""Seconds between tries after a permanent error. For other errors the driver has its own limit."""
HEALTHY_S = 30.0
"""After being open this many seconds without a failed picture, a camera counts as healthy: its failures are reset."""
UNKNOWN_INTERVAL_S = 10.0
"""The longest time from frame to frame for a stream that does not report its rate."""
NOT_A_CAMERA_FAILURE = frozenset({"rejected_setting", "camera_unreachable", "camera_held"})
"""Reasons for a missing picture that are not treated as a camera failure."""
CLOCK_TOLERANCE_S = 5.0
"""How far the times of a camera may differ from the station's. Beyond that they are replaced, with a warning."""


class Device:
    def __init__(
        self, spec: Spec, clock: CameraClock, watchdog: Watchdog, reporter: Reporter, packets: PacketSink
    ) -> None:
        self.spec, self.clock, self.watchdog, self.reporter, self._packets = spec, clock, watchdog, reporter, packets
        self.driver: Driver = driver_class(spec["kind"])(spec["address"], clock)
        if rules := spec.get("outgoing"):
            self.driver.set_connection_guard(OutgoingGuard.of(rules))
        self.settings = dict(spec["settings"])
        self.identity = Identity()
        self.capabilities = Capabilities()
        self.open = False
        self.error: CameraError | None = None
        self.temperature_celsius: float | None = None
        self.supplies = Supplies()
        self.differs: list[Difference] = []
        """Settings that were changed on the camera's body since they were applied."""
        self.reading = dict[str, Any]()
        """The last reading of the settings: `actual`, `warnings`, `read_at`, `differs`."""
        self._drift, self._actual = SettingsDrift(), dict[str, Any]()
        self._read_at, self._reading_took_s = 0.0, 0.0
        """When the settings were read last, and how long the camera took."""
        self.failures = 0
        """Failures in a row, without a picture or HEALTHY_S seconds between them."""
        self.failed_opens = 0
        """Tries to open the camera that failed since it was last open."""
        self._try_at, self._opened_at = 0.0, 0.0
        self._last_picture_failed = False
        """Whether the last requested picture failed. The camera must then deliver one to count as healthy."""
        self._telemetry_read_at = -TELEMETRY_S
        self._telemetry_took_s = 0.0
        """How long the camera took to deliver its telemetry the last time."""
        self._is_streaming = False
        self._shutter_us: dict[int | None, int] = {}
        self._interval_s = 0.0
        """Seconds from frame to frame; 0 when the camera does not report its rate."""
        self._waited_s = 0.0
        self._clock_offset_reported = False
        if faults := spec.get("faults"):
            self.inject_faults(faults)

    def ensure_open(self) -> bool:
        """Open the camera unless it is open or the next try is not due. Returns whether it is open."""
        if self.open:
            self._reset_failures_when_healthy()
            return True
        if self.clock.monotonic() < self._try_at:
            return False
        try:
            self.reopen()
        except CameraError as error:
            self.handle_failure(error)
            return False
        return True

    def _reset_failures_when_healthy(self) -> None:
        if not self._last_picture_failed and self.clock.monotonic() - self._opened_at >= HEALTHY_S:
            self.failures = 0

    def next_try_s(self) -> float:
        return max(0.05, self._try_at - self.clock.monotonic())

    def reopen(self) -> None:
        with self.watchdog.watch_call("opening", OPEN_S + self.spec["margin_s"]):
            deadline = self.clock.monotonic() + OPEN_S
            self.driver.close()
            self.driver.copy_packets_to(self._packets)
            self.identity = self.driver.open(deadline)
            self.capabilities = self.driver.capabilities()
            applied = self.driver.apply(self.settings, deadline)
        self._update_timing(applied.actual)
        self._drift.record_applied(self.settings, applied.actual)
        self.open, self.error, self._opened_at = True, None, self.clock.monotonic()
        self._waited_s, self._clock_offset_reported = 0.0, False
        link = self.reporter.link
        link.send(
            "opened",
            identity=asdict(self.identity),
            capabilities=asdict(self.capabilities),
            place=self.driver.device_location(),
        )
        self._report_settings(applied.actual, applied.warnings)
        self.reporter.report_state("ready")

    def handle_failure(self, error: CameraError) -> None:
        """Close the camera. The next try follows at once, then after 1 s and more with jitter, up to a limit."""
        self.failed_opens = 0 if self.open else self.failed_opens + 1
        self.open, self.error, self._is_streaming, self.supplies = False, error, False, Supplies()
        with self.watchdog.watch_call("closing", self.spec["margin_s"]):
            self.driver.close()
            release_freed_memory()
        most_s = LONGEST_BACK_OFF_S if error.permanent else self.driver.max_retry_interval_s
        pause_s = 0.0 if self.failures == 0 else min(most_s, 2.0 ** (self.failures - 1))
        self.failures += 1
        self._try_at = self.clock.monotonic() + pause_s * random.uniform(0.8, 1.0)
        if self.reporter.message != str(error):
            self.reporter.link.send("ladder", step="reconnect", message=str(error), reason=error.reason)
        self.reporter.report_state("reconnecting", str(error), error.reason)

    def record_success(self) -> None:
        """A picture arrived: reset the failures."""
        self.failures, self._waited_s, self._last_picture_failed = 0, 0.0, False

    def retry_now(self) -> None:
        """From any thread: the camera may be back. End the pause before the next try, and reset the failures."""
        self.failures, self._try_at, self._last_picture_failed = 0, 0.0, False
        self.clock.wake()

    def inject_faults(self, faults: dict[str, Any]) -> dict[str, Any]:
        """From any thread: set exactly these faults of a simulated camera. CameraError for other cameras."""
        found = self.driver.set_faults(faults, self._report_faults)
        self.retry_now()
        return found

    def _report_faults(self, faults: dict[str, Any], struck: str) -> None:
        self.reporter.link.send("faults", faults=faults, struck=struck)

    def set_desired_settings(self, values: dict[str, Any], *, whole: bool) -> None:
        """Set desired settings: in addition to the present ones or, with `whole`, instead of them."""
        self.settings = dict(values) if whole else {**self.settings, **values}

    def apply_settings(self, values: dict[str, Any], *, whole: bool = False) -> dict[str, Any]:
        """Set and apply desired settings; drop rejected ones. Returns `actual`, `warnings`, `read_at`, `differs`."""
        before = self.settings
        self.set_desired_settings(values, whole=whole)
        if not self.ensure_open():
            message = f"The settings are stored and will be applied when the camera is back: {self.reporter.message}"
            raise CameraError(message, reason="camera_unreachable")
        try:
            with self.watchdog.watch_call("applying settings", APPLY_S + self.spec["margin_s"]):
                applied = self.driver.apply(values, self.clock.monotonic() + APPLY_S)
        except CameraError as error:
            if error.reason == "rejected_setting":
                self.settings = before
            raise
        self._update_timing(applied.actual)
        self._drift.record_applied(values, applied.actual)
        return self._report_settings(applied.actual, applied.warnings)

    def _report_settings(self, actual: dict[str, Any], warnings: list[str]) -> dict[str, Any]:
        self._actual, self.differs = actual, self._drift.find_differences(self.settings, actual)
        self._update_reading()
        body = {**self.reading, "warnings": warnings}
        self.reporter.link.send("settings", **body)
        return body

    def _update_reading(self) -> None:
        """The known settings have just been read."""
        self._read_at, read_at = self.clock.monotonic(), iso(self.clock.wall_ns() / 1e9)
        self.reading = {"actual": self._actual, "warnings": [], "read_at": read_at, "differs": self.differs}

    def exposure_s(self, requested: dict[str, Any]) -> float:
        own = self.settings.get("exposure_us") or 1_000_000
        return float(requested.get("exposure_us") or own) / 1e6

    def allowed_s(self, requested: dict[str, Any]) -> float:
        """Seconds that an exposure may take: the exposure, the next frame of a slow stream, the readout, the margin.

        If the shutter time is set on the camera's body it may differ from the requested one; then the longer counts.
        """
        requested_us = requested.get("exposure_us")
        actual_us = self._shutter_us.get(requested_us, self._shutter_us.get(None, 0))
        exposure_s = max(self.exposure_s(requested), actual_us / 1e6)
        return exposure_s + self._interval_s + self.capabilities.readout_s + float(self.spec["margin_s"])

    def _update_timing(self, actual: dict[str, Any]) -> None:
        """Update what deadlines are calculated from: the shutter time and the frame rate."""
        self._update_shutter(None, actual)
        self._interval_s = 1 / float(actual["fps"]) if actual.get("fps") else 0.0

    def _update_shutter(self, requested_us: int | None, actual: dict[str, Any]) -> None:
        """Remember the camera's own shutter time, and the actual one for the last requested time."""
        if "exposure_us" in actual:
            own_us = self._shutter_us.get(None, 0)
            self._shutter_us = {None: own_us, requested_us: actual["exposure_us"]}

    def expose(self, requested: dict[str, Any], allowed_s: float) -> Exposure:
        """One exposure. If it failed before the shutter opened, the camera is reopened for a second try. CameraError,
        Aborted."""
        request = dataclass_from_json(ExposureRequest, requested)
        deadline = self.clock.monotonic() + allowed_s
        try:
            return self._expose_once(request, deadline)
        except CameraError as error:
            if error.permanent or not error.before_shutter or self.clock.monotonic() >= deadline:
                raise
            self.reopen()
            return self._expose_once(request, deadline)

    def rehearse(self, requested: dict[str, Any]) -> dict[str, Any]:
        """What the camera would use for `requested`: `actual` and `warnings`. Empty while it is not open."""
        if not self.open:
            return {}
        with self.watchdog.watch_call("trying settings", APPLY_S + self.spec["margin_s"]):
            used = self.driver.dry_run(
                dataclass_from_json(ExposureRequest, requested), self.clock.monotonic() + APPLY_S
            )
        self._update_shutter(requested.get("exposure_us"), used.actual)
        return {"actual": used.actual, "warnings": [*used.warnings, *self._format_warnings(requested.get("format"))]}

    def _format_warnings(self, requested: str | None) -> list[str]:
        """A warning when another format than JPEG was requested. A driver with a `format` setting warns itself."""
        if requested is None or requested.lower() in JPEG or "format" in self.driver.Settings.model_fields:
            return []
        return [f"The pictures of this camera are saved as JPEG; {requested} was requested."]

    def _expose_once(self, request: ExposureRequest, deadline: float) -> Exposure:
        self.clock.wakes_on_work = False
        began_ns, began = self.clock.wall_ns(), self.clock.monotonic()
        try:
            allowed_s = max(0.1, deadline - self.clock.monotonic()) + 1.0
            with self._tracking_failed_pictures(), self.watchdog.watch_call("exposing", allowed_s):
                exposure = self.driver.expose(request, deadline)
        finally:
            self.clock.wakes_on_work = True
        exposure.warnings = [*exposure.warnings, *self._format_warnings(request.format)]
        self._update_shutter(request.exposure_us, exposure.actual)
        self._correct_times(exposure, began_ns, began_ns + round((self.clock.monotonic() - began) * 1e9))
        return exposure

    @contextlib.contextmanager
    def _tracking_failed_pictures(self) -> Iterator[None]:
        try:
            yield
        except CameraError as error:
            self._last_picture_failed = self._last_picture_failed or error.reason not in NOT_A_CAMERA_FAILURE
            raise

    def _correct_times(self, exposure: Exposure, began_ns: int, ended_ns: int) -> None:
        """An exposure lies between the call and its return. The times of the call replace those of the camera if these
        do not (with a warning), or if the station's clock was set meanwhile."""
        off_s, set_s = (exposure.started_ns - began_ns) / 1e9, (self.clock.wall_ns() - ended_ns) / 1e9
        if abs(set_s) <= CLOCK_TOLERANCE_S:
            if off_s >= -CLOCK_TOLERANCE_S and exposure.ended_ns - ended_ns <= CLOCK_TOLERANCE_S * 1e9:
                return
            self._report_clock_offset(off_s)
            warning = f"The camera's clock is {off_s:+.0f} s off; the station's is used."
            exposure.warnings = [*exposure.warnings, warning]
        exposure.started_ns, exposure.ended_ns = began_ns, ended_ns
        if exposure.frame is not None:
            exposure.frame = replace(exposure.frame, captured_ns=began_ns)

    def _report_clock_offset(self, off_s: float) -> None:
        if not self._clock_offset_reported:
            self._clock_offset_reported = True
            message = f"The camera's clock is {off_s:+.0f} s off. The station's clock is used; set the camera's."
            self.reporter.log_event("camera.clock", message, "warning")

    def read_frame(self, within_s: float) -> FrameData | None:
        """The next frame of the stream; None when none arrived in time, or when other work arrived. CameraError when
        none has arrived for longer than one may take: an interval or exposure, the readout, the margin."""
        began, self._is_streaming = self.clock.monotonic(), True
        with (
            self._tracking_failed_pictures(),
            self.watchdog.watch_call("waiting for a frame", FRAME_S + self.spec["margin_s"]),
        ):
            frame = self.driver.frame(began + min(FRAME_S, within_s))
        if frame is None:
            self._waited_s += self.clock.monotonic() - began
            self._check_frames_arrive()
            return None
        off_s = (frame.captured_ns - self.clock.wall_ns()) / 1e9
        if -CLOCK_TOLERANCE_S - self._shutter_s() <= off_s <= CLOCK_TOLERANCE_S:
            return frame
        self._report_clock_offset(off_s)
        return replace(frame, captured_ns=self.clock.wall_ns())

    def wait_for_packets(self, within_s: float) -> None:
        """Wait `within_s` seconds, or until there is other work, while other threads copy packets. CameraError as in
        `read_frame`."""
        self.end_live_view()
        began, before = self.clock.monotonic(), self._packets.frames
        self.clock.wait(within_s)
        self.driver.check_packets()
        if self._packets.frames != before:
            self.record_success()
        else:
            self._waited_s += self.clock.monotonic() - began
            self._check_frames_arrive()

    def _check_frames_arrive(self) -> None:
        longest_s = max(self._interval_s or UNKNOWN_INTERVAL_S, self._shutter_s())
        allowed_s = longest_s + self.capabilities.readout_s + float(self.spec["margin_s"])
        if self._waited_s > allowed_s:
            waited, self._waited_s = self._waited_s, 0.0
            raise CameraError(f"The stream has sent no frame for {waited:.0f} s, so the camera is reopened.")

    def _shutter_s(self) -> float:
        """Seconds that the shutter of a frame may be open. `captured_ns` is when it opened."""
        return max(self._shutter_us.get(None, 0) / 1e6, self.exposure_s({}))

    @property
    def streams_exposures(self) -> bool:
        """Whether an exposure also arrives as a frame of the stream."""
        return self._is_streaming and self.driver.stills_from_stream

    def end_live_view(self) -> None:
        """End the live view: no consumer wants frames any more."""
        if self._is_streaming:
            self._is_streaming, self._waited_s = False, 0.0
            with self.watchdog.watch_call("ending the live view", APPLY_S + self.spec["margin_s"]):
                self.driver.stop_frames(self.clock.monotonic() + APPLY_S)

    def is_telemetry_due(self, within_s: float) -> bool:
        """Every TELEMETRY_S seconds, unless it would delay the exposure that is due in `within_s` seconds."""
        since_s = self.clock.monotonic() - self._telemetry_read_at
        return self.open and since_s >= TELEMETRY_S and self._telemetry_took_s <= max(NEGLIGIBLE_S, within_s / 2)

    def read_telemetry(self) -> None:
        """Read the temperature, battery and card, and the settings: a dial may have been turned."""
        self._telemetry_read_at = now = self.clock.monotonic()
        with self.watchdog.watch_call("reading the temperature", self.spec["margin_s"]):
            self.temperature_celsius = self.driver.temperature()
        with self.watchdog.watch_call("reading battery and card", APPLY_S + self.spec["margin_s"]):
            self.supplies = self.driver.supplies(now + APPLY_S)
        self.read_back()
        self._telemetry_took_s = self.clock.monotonic() - now

    def is_reading_due(self, within_s: float) -> bool:
        """Whether a request for the settings reads the camera: not if they were read within FRESH_S, and not if it
        would delay the exposure that is due in `within_s` seconds."""
        since_s = self.clock.monotonic() - self._read_at
        return since_s >= FRESH_S and self._reading_took_s <= max(NEGLIGIBLE_S, within_s / 2)

    def read_back(self) -> None:
        """Read the settings, and report them when they changed. Settings that the camera leaves out keep their value:
        an exposure has changed them for itself."""
        began = self.clock.monotonic()
        with self.watchdog.watch_call("reading the settings back", APPLY_S + self.spec["margin_s"]):
            found = self.driver.read_back(began + APPLY_S)
        self._reading_took_s = self.clock.monotonic() - began
        now = {**self._actual, **found}
        if same_values(self._actual, now):
            self._update_reading()
        else:
            self._update_timing(now)
            self._report_settings(now, [])

    def delete_from_card(self, exposure: Exposure) -> None:
        with self.watchdog.watch_call("clearing the card", APPLY_S + self.spec["margin_s"]):
            self.driver.delete_from_card(exposure, self.clock.monotonic() + APPLY_S)
