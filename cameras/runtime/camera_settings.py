"""The settings of a camera: the desired ones, those of its stream, those that it reports with its telemetry, and the
differences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cameras.drivers.abilities import CameraBody, SettableStream, Supplies
from cameras.drivers.base import Applied, CameraError, ExposureRequest
from cameras.runtime.device_timing import DeviceTiming
from cameras.runtime.link import Reporter, ReportSink
from cameras.runtime.messages import ReadCommand, Reading, SettingsReport
from cameras.runtime.settings_drift import Difference, SettingsDrift, same_values
from cameras.runtime.watched_driver import WatchedDriver
from cameras.spool.moments import iso
from cameras.spool.records import UsedSettings
from core.dataclass_json import dataclass_from_json

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
        driver = self._driver.driver
        if isinstance(driver, SettableStream):
            with self._driver.watch_call("setting the stream", SET_S) as deadline:
                driver.use_for_stream(wanted, deadline)

    def restore(self) -> None:
        """The camera's own settings, before they are changed or used for a still."""
        self.use({})

    def record_opened(self) -> None:
        """The camera has its own settings."""
        self._used = {}


APPLY_S = 5.0
NEGLIGIBLE_S = 0.05
"""Reading the telemetry or the settings may take this many seconds at any time; more only between exposures."""
JPEG = frozenset({"jpeg", "jpg"})


class CameraSettings:
    """Used by the camera loop's thread, with an open camera except for `set_desired`. CameraError.

    A reading of the settings answers requests for `fresh_s` seconds.
    """

    def __init__(
        self,
        driver: WatchedDriver,
        timing: DeviceTiming,
        link: ReportSink,
        stream_settings: StreamSettings,
        desired: dict[str, Any],
        fresh_s: float,
    ) -> None:
        self._driver, self._timing, self._link, self._fresh_s = driver, timing, link, fresh_s
        self._stream_settings = stream_settings
        self.desired: dict[str, Any] = {}
        self._drift = SettingsDrift()
        self._actual: dict[str, Any] = {}
        self.reading = Reading(actual={}, warnings=[], read_at="", differs=[])
        """As the camera reported them last."""
        self._read_at = self._took_s = 0.0
        """When that was, in seconds of the clock, and how long the camera took."""
        self.set_desired(desired, whole=True)

    def set_desired(self, values: dict[str, Any], *, whole: bool) -> None:
        """Set desired settings: in addition to the present ones or, with `whole`, instead of them. They apply when the
        camera is opened."""
        self.desired = dict(values) if whole else {**self.desired, **values}
        self._timing.desired = self.desired

    @property
    def differs(self) -> list[Difference]:
        """Settings that were changed on the camera's body since they were applied."""
        return self.reading["differs"]

    def apply(self, values: dict[str, Any]) -> Reading:
        """Apply some of the desired settings to the open camera."""
        self._stream_settings.restore()
        with self._driver.watch_call("applying settings", APPLY_S) as deadline:
            applied = self._driver.driver.apply(values, deadline)
        return self.record_applied(values, applied)

    def record_applied(self, names: Iterable[str], applied: Applied) -> Reading:
        """These settings were applied. Reported with the warnings, which `reading` does not keep."""
        self._timing.record_settings(applied.actual)
        self._drift.record_applied(names, applied.actual)
        return self._report(applied.actual, applied.warnings)

    def _report(self, actual: dict[str, Any], warnings: list[str]) -> Reading:
        self._record_reading(actual, self._drift.find_differences(self.desired, actual))
        reported: Reading = {**self.reading, "warnings": warnings}
        stream_fps = self._driver.driver.stream_fps(actual, self.desired)
        self._link.send(SettingsReport(type="settings", stream_fps=stream_fps, **reported))
        return reported

    def _record_reading(self, actual: dict[str, Any], differs: list[Difference]) -> None:
        clock = self._driver.clock
        self._actual, self._read_at = actual, clock.monotonic()
        self.reading = Reading(actual=actual, warnings=[], read_at=iso(clock.wall_ns() / 1e9), differs=differs)

    def is_reading_due(self, within_s: float) -> bool:
        """Whether a request for the settings reads the camera: not if they were read within `fresh_s`, and not if
        it would delay the exposure that is due in `within_s` seconds."""
        since_s = self._driver.clock.monotonic() - self._read_at
        return since_s >= self._fresh_s and self._took_s <= max(NEGLIGIBLE_S, within_s / 2)

    def read_back(self) -> None:
        """Read the settings, and report them when they changed. Settings that the camera leaves out keep their value:
        an exposure has changed them for itself."""
        began = self._driver.clock.monotonic()
        with self._driver.watch_call("reading the settings back", APPLY_S) as deadline:
            found = self._driver.driver.read_back(deadline)
        self._took_s = self._driver.clock.monotonic() - began
        now = {**self._actual, **found}
        # Not reported: each report is written to the database, and the camera is read every few seconds.
        if same_values(self._actual, now):
            self._record_reading(self._actual, self.differs)
        else:
            self._timing.record_settings(now)
            self._report(now, [])

    def rehearse(self, requested: dict[str, Any]) -> UsedSettings:
        """What the camera would use for an exposure. CameraError."""
        request = dataclass_from_json(ExposureRequest, requested)
        with self._driver.watch_call("trying settings", APPLY_S) as deadline:
            if request.options:
                self._driver.driver.check_options(request.options)
            used = self._driver.driver.dry_run(request, deadline)
        self._timing.record_shutter(requested.get("exposure_us"), used.actual)
        return {"actual": used.actual, "warnings": [*used.warnings, *self.format_warnings(requested.get("format"))]}

    def format_warnings(self, requested: str | None) -> list[str]:
        """A warning when another format than JPEG was requested. A driver with a `format` setting warns itself."""
        if (
            requested is None
            or requested.lower() in JPEG
            or "format" in self._driver.driver.settings_model.model_fields
        ):
            return []
        return [f"The pictures of this camera are saved as JPEG; {requested} was requested."]


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
        if isinstance(driver, CameraBody):
            with self._driver.watch_call("reading battery and card", APPLY_S) as deadline:
                self.supplies = driver.supplies(deadline)
        self._settings.read_back()
        self._took_s = self._driver.clock.monotonic() - now

    def reset(self) -> None:
        """The camera was closed: its battery and card may be exchanged."""
        self.supplies = Supplies()


class SettingsReader:
    def __init__(self, settings: CameraSettings, reporter: Reporter) -> None:
        self._settings, self._reporter = settings, reporter
        self._requests: list[ReadCommand] = []

    def add_request(self, command: ReadCommand) -> None:
        """It is answered once the time of the next exposure is known."""
        self._requests.append(command)

    def answer_requests(self, within_s: float) -> bool:
        """Answer all requests. The camera is read if the exposure that is due in `within_s` seconds leaves the time;
        else the last reading is sent.

        True when the camera was read, which took time. CameraError when that failed; the requests are then refused.
        """
        was_read = bool(self._requests) and self._settings.is_reading_due(within_s)
        if was_read:
            try:
                self._settings.read_back()
            except CameraError as error:
                self.refuse_requests(error.reason, str(error))
                raise
        for command in self._pop_requests():
            self._reporter.answer_command(command, self._settings.reading)
        return was_read

    def refuse_requests(self, reason: str, message: str) -> None:
        for command in self._pop_requests():
            self._reporter.refuse_command(command, reason, message)

    def _pop_requests(self) -> list[ReadCommand]:
        requests, self._requests = self._requests, []
        return requests
