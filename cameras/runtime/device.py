"""The driver, kept open: with back-off between the tries, and closed after each error."""

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
from cameras.runtime.body import Body, Difference, same_all
from cameras.runtime.clock import OwnerClock
from cameras.runtime.memory import release_freed_memory
from cameras.runtime.report import Report
from cameras.runtime.sessions import iso
from cameras.runtime.spec import Spec
from cameras.runtime.watch import Watch
from core.dataclass_json import dataclass_from_json
from core.outgoing import OutgoingGuard

JPEG = frozenset({"jpeg", "jpg"})
OPEN_S = 20.0
"""What opening a camera may take, in seconds."""
APPLY_S = 5.0
FRAME_S = 2.0
TEMPERATURE_S = 5.0
UNNOTICED_S = 0.05
"""What asking for the temperature, battery, card and settings may take at any time."""
FRESH_S = 1.0
"""For so long what was read of the settings is told to all who ask."""
MOST_BACK_OFF_S = 60.0
"""Between two tries of a camera that refuses for good; of others as their driver says."""
HEALTHY_S = 30.0
"""A camera that was open for so long, and failed at no picture, is as good as new."""
UNKNOWN_INTERVAL_S = 10.0
"""From one frame to the next, at most, of a stream that does not say its rate."""
NO_FAULT = frozenset({"rejected_setting", "camera_unreachable", "camera_held"})
"""A camera that gives no picture for such a reason is not broken."""
CLOCK_OFF_S = 5.0
"""How far the times that a camera gives may lie from ours. What is further off is replaced by ours, and told."""


class Device:
    def __init__(self, spec: Spec, clock: OwnerClock, watch: Watch, report: Report, packets: PacketSink) -> None:
        self.spec, self.clock, self.watch, self.report, self._packets = spec, clock, watch, report, packets
        self.driver: Driver = driver_class(spec["kind"])(spec["address"], clock)
        if rules := spec.get("outgoing"):
            self.driver.guard_connections(OutgoingGuard.of(rules))
        self.settings = dict(spec["settings"])
        self.identity = Identity()
        self.capabilities = Capabilities()
        self.open = False
        self.trouble: CameraError | None = None
        self.temperature_celsius: float | None = None
        self.supplies = Supplies()
        self.differs: list[Difference] = []
        """What was changed on the camera's body since the wish was applied."""
        self.reading = dict[str, Any]()
        """The settings as they were read last: `actual`, `warnings`, `read_at`, `differs`."""
        self._body, self._actual = Body(), dict[str, Any]()
        self._read, self._reads_s = 0.0, 0.0
        """When they were read, and how long the camera took to say them, the last time."""
        self.failures = 0
        """In a row, without a picture or a while of health between them."""
        self.unopened = 0
        """Tries that did not open it, since it was open last."""
        self._try_at, self._opened_at = 0.0, 0.0
        self._owes_picture = False
        """Whether it failed at the last picture that was asked of it: it then has to give one to be healthy."""
        self._felt_at = -TEMPERATURE_S
        self._feels_s = 0.0
        """How long the camera took for that, the last time."""
        self._streams = False
        self._shutter_us: dict[int | None, int] = {}
        self._interval_s = 0.0
        """From one frame to the next; 0 where the camera does not say."""
        self._waited_s = 0.0
        self._told_of_clock = False
        if faults := spec.get("faults"):
            self.cause(faults)

    def ready(self) -> bool:
        """Open, or opened now if its time has come."""
        if self.open:
            self._forget_failures()
            return True
        if self.clock.monotonic() < self._try_at:
            return False
        try:
            self.reopen()
        except CameraError as error:
            self.failed(error)
            return False
        return True

    def _forget_failures(self) -> None:
        if not self._owes_picture and self.clock.monotonic() - self._opened_at >= HEALTHY_S:
            self.failures = 0

    def next_try_s(self) -> float:
        return max(0.05, self._try_at - self.clock.monotonic())

    def reopen(self) -> None:
        with self.watch.during("opening", OPEN_S + self.spec["margin_s"]):
            deadline = self.clock.monotonic() + OPEN_S
            self.driver.close()
            self.driver.copy_to(self._packets)
            self.identity = self.driver.open(deadline)
            self.capabilities = self.driver.capabilities()
            applied = self.driver.apply(self.settings, deadline)
        self._note(applied.actual)
        self._body.took(self.settings, applied.actual)
        self.open, self.trouble, self._opened_at = True, None, self.clock.monotonic()
        self._waited_s, self._told_of_clock = 0.0, False
        link = self.report.link
        link.send(
            "opened",
            identity=asdict(self.identity),
            capabilities=asdict(self.capabilities),
            place=self.driver.place(),
        )
        self._tell(applied.actual, applied.warnings)
        self.report.observe("ready")

    def failed(self, error: CameraError) -> None:
        """Close, and try again: at once, then after 1 s and more with jitter, up to what the driver says."""
        self.unopened = 0 if self.open else self.unopened + 1
        self.open, self.trouble, self._streams, self.supplies = False, error, False, Supplies()
        with self.watch.during("closing", self.spec["margin_s"]):
            self.driver.close()
            release_freed_memory()
        most_s = MOST_BACK_OFF_S if error.permanent else self.driver.longest_pause_s
        pause_s = 0.0 if self.failures == 0 else min(most_s, 2.0 ** (self.failures - 1))
        self.failures += 1
        self._try_at = self.clock.monotonic() + pause_s * random.uniform(0.8, 1.0)
        if self.report.why != str(error):
            self.report.link.send("ladder", step="reconnect", message=str(error), reason=error.reason)
        self.report.observe("reconnecting", str(error), error.reason)

    def delivered(self) -> None:
        """A picture came: the next failure is the first again."""
        self.failures, self._waited_s, self._owes_picture = 0, 0.0, False

    def try_soon(self) -> None:
        """From any thread: the camera may be back, so the pause before the next try is over, and what failed before
        counts no more."""
        self.failures, self._try_at, self._owes_picture = 0, 0.0, False
        self.clock.wake()

    def cause(self, faults: dict[str, Any]) -> dict[str, Any]:
        """From any thread: these faults and no others from now on, of a camera that can rehearse them. CameraError."""
        found = self.driver.cause(faults, self._tell_of_faults)
        self.try_soon()
        return found

    def _tell_of_faults(self, faults: dict[str, Any], struck: str) -> None:
        self.report.link.send("faults", faults=faults, struck=struck)

    def wish(self, values: dict[str, Any], *, whole: bool) -> None:
        """These settings from now on: besides those that are wished for already, or (`whole`) no others."""
        self.settings = dict(values) if whole else {**self.settings, **values}

    def apply(self, values: dict[str, Any], *, whole: bool = False) -> dict[str, Any]:
        """`wish`, unless the camera rejects it; what it has then: `actual`, `warnings`, `read_at`, `differs`."""
        before = self.settings
        self.wish(values, whole=whole)
        if not self.ready():
            said = f"The settings are kept, and applied when the camera is back: {self.report.why}"
            raise CameraError(said, reason="camera_unreachable")
        try:
            with self.watch.during("applying settings", APPLY_S + self.spec["margin_s"]):
                applied = self.driver.apply(values, self.clock.monotonic() + APPLY_S)
        except CameraError as error:
            if error.reason == "rejected_setting":
                self.settings = before
            raise
        self._note(applied.actual)
        self._body.took(values, applied.actual)
        return self._tell(applied.actual, applied.warnings)

    def _tell(self, actual: dict[str, Any], warnings: list[str]) -> dict[str, Any]:
        self._actual, self.differs = actual, self._body.differs(self.settings, actual)
        self._note_reading()
        body = {**self.reading, "warnings": warnings}
        self.report.link.send("settings", **body)
        return body

    def _note_reading(self) -> None:
        """What is known of the settings was read just now."""
        self._read, read_at = self.clock.monotonic(), iso(self.clock.wall_ns() / 1e9)
        self.reading = {"actual": self._actual, "warnings": [], "read_at": read_at, "differs": self.differs}

    def exposure_s(self, asked: dict[str, Any]) -> float:
        own = self.settings.get("exposure_us") or 1_000_000
        return float(asked.get("exposure_us") or own) / 1e6

    def allowed_s(self, asked: dict[str, Any]) -> float:
        """Seconds that an exposure may take: itself, the next frame of a stream that is slow, the readout, the margin.

        Where the shutter time stands on the camera's body it is not what was asked: then the longer one counts.
        """
        asked_us = asked.get("exposure_us")
        actual_us = self._shutter_us.get(asked_us, self._shutter_us.get(None, 0))
        exposure_s = max(self.exposure_s(asked), actual_us / 1e6)
        return exposure_s + self._interval_s + self.capabilities.readout_s + float(self.spec["margin_s"])

    def _note(self, actual: dict[str, Any]) -> None:
        """What the camera has, as far as deadlines come from it."""
        self._note_shutter(None, actual)
        self._interval_s = 1 / float(actual["fps"]) if actual.get("fps") else 0.0

    def _note_shutter(self, asked_us: int | None, actual: dict[str, Any]) -> None:
        """What the shutter does by itself, and for the last time that was asked."""
        if "exposure_us" in actual:
            by_itself = self._shutter_us.get(None, 0)
            self._shutter_us = {None: by_itself, asked_us: actual["exposure_us"]}

    def expose(self, asked: dict[str, Any], allowed_s: float) -> Exposure:
        """One exposure, tried once more after reopening when it failed before the shutter. CameraError, Aborted."""
        request = dataclass_from_json(ExposureRequest, asked)
        deadline = self.clock.monotonic() + allowed_s
        try:
            return self._shoot(request, deadline)
        except CameraError as error:
            if error.permanent or not error.before_shutter or self.clock.monotonic() >= deadline:
                raise
            self.reopen()
            return self._shoot(request, deadline)

    def rehearse(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What the camera would use for `asked`: `actual` and `warnings`; nothing while it is not open."""
        if not self.open:
            return {}
        with self.watch.during("trying settings", APPLY_S + self.spec["margin_s"]):
            used = self.driver.rehearse(dataclass_from_json(ExposureRequest, asked), self.clock.monotonic() + APPLY_S)
        self._note_shutter(asked.get("exposure_us"), used.actual)
        return {"actual": used.actual, "warnings": [*used.warnings, *self._format_warnings(asked.get("format"))]}

    def _format_warnings(self, asked: str | None) -> list[str]:
        """A sentence when another format was asked than the JPEG that a frame is saved as. A driver that has the
        setting warns by itself."""
        if asked is None or asked.lower() in JPEG or "format" in self.driver.Settings.model_fields:
            return []
        return [f"The pictures of this camera are saved as JPEG; {asked} was asked."]

    def _shoot(self, request: ExposureRequest, deadline: float) -> Exposure:
        self.clock.heeds_work = False
        began_ns, began = self.clock.wall_ns(), self.clock.monotonic()
        try:
            allowed_s = max(0.1, deadline - self.clock.monotonic()) + 1.0
            with self._asking_for_a_picture(), self.watch.during("exposing", allowed_s):
                exposure = self.driver.expose(request, deadline)
        finally:
            self.clock.heeds_work = True
        exposure.warnings = [*exposure.warnings, *self._format_warnings(request.format)]
        self._note_shutter(request.exposure_us, exposure.actual)
        self._set_right(exposure, began_ns, began_ns + round((self.clock.monotonic() - began) * 1e9))
        return exposure

    @contextlib.contextmanager
    def _asking_for_a_picture(self) -> Iterator[None]:
        try:
            yield
        except CameraError as error:
            self._owes_picture = self._owes_picture or error.reason not in NO_FAULT
            raise

    def _set_right(self, exposure: Exposure, began_ns: int, ended_ns: int) -> None:
        """An exposure lies between its order and its return; a camera that says otherwise has a wrong clock, unless it
        was the station's that was set meanwhile."""
        off_s, set_s = (exposure.started_ns - began_ns) / 1e9, (self.clock.wall_ns() - ended_ns) / 1e9
        if abs(set_s) <= CLOCK_OFF_S:
            if off_s >= -CLOCK_OFF_S and exposure.ended_ns - ended_ns <= CLOCK_OFF_S * 1e9:
                return
            self._tell_of_clock(off_s)
            said = f"The camera's clock is {off_s:+.0f} s off; the station's is used."
            exposure.warnings = [*exposure.warnings, said]
        exposure.started_ns, exposure.ended_ns = began_ns, ended_ns
        if exposure.frame is not None:
            exposure.frame = replace(exposure.frame, captured_ns=began_ns)

    def _tell_of_clock(self, off_s: float) -> None:
        if not self._told_of_clock:
            self._told_of_clock = True
            said = f"The camera's clock is {off_s:+.0f} s off. The station's own is used; set the camera's."
            self.report.log("camera.clock", said, "warning")

    def frame(self, within_s: float) -> FrameData | None:
        """The next frame of the stream; None when it did not come, or other work did. CameraError when none has come
        for as long as one may take: an interval or exposure, the readout, the margin."""
        began, self._streams = self.clock.monotonic(), True
        with self._asking_for_a_picture(), self.watch.during("waiting for a frame", FRAME_S + self.spec["margin_s"]):
            frame = self.driver.frame(began + min(FRAME_S, within_s))
        if frame is None:
            self._waited_s += self.clock.monotonic() - began
            self._need_frames()
            return None
        off_s = (frame.captured_ns - self.clock.wall_ns()) / 1e9
        if -CLOCK_OFF_S - self._shutter_s() <= off_s <= CLOCK_OFF_S:
            return frame
        self._tell_of_clock(off_s)
        return replace(frame, captured_ns=self.clock.wall_ns())

    def attend(self, within_s: float) -> None:
        """Let the camera's packets come for so long, or until there is other work: they are copied on other threads.
        CameraError as of `frame`."""
        self.rest()
        began, before = self.clock.monotonic(), self._packets.frames
        self.clock.wait(within_s)
        self.driver.attend()
        if self._packets.frames != before:
            self.delivered()
        else:
            self._waited_s += self.clock.monotonic() - began
            self._need_frames()

    def _need_frames(self) -> None:
        longest_s = max(self._interval_s or UNKNOWN_INTERVAL_S, self._shutter_s())
        allowed_s = longest_s + self.capabilities.readout_s + float(self.spec["margin_s"])
        if self._waited_s > allowed_s:
            waited, self._waited_s = self._waited_s, 0.0
            raise CameraError(f"The stream has given no frame for {waited:.0f} s, so the camera is opened anew.")

    def _shutter_s(self) -> float:
        """Seconds that the shutter of a frame of the stream may be open: it was captured when that began."""
        return max(self._shutter_us.get(None, 0) / 1e6, self.exposure_s({}))

    @property
    def gives_again(self) -> bool:
        """Whether what was exposed just now comes as a frame of the stream too, in its turn."""
        return self._streams and self.driver.stills_of_stream

    def rest(self) -> None:
        """Frames are no longer wanted."""
        if self._streams:
            self._streams, self._waited_s = False, 0.0
            with self.watch.during("ending the live view", APPLY_S + self.spec["margin_s"]):
                self.driver.rest(self.clock.monotonic() + APPLY_S)

    def is_to_feel(self, within_s: float) -> bool:
        """Now and then, and not when an exposure is due `within_s` seconds and would have to wait for it."""
        since_s = self.clock.monotonic() - self._felt_at
        return self.open and since_s >= TEMPERATURE_S and self._feels_s <= max(UNNOTICED_S, within_s / 2)

    def feel(self) -> None:
        """Ask for the temperature, battery and card, and for the settings: a dial may have been turned."""
        self._felt_at = now = self.clock.monotonic()
        with self.watch.during("reading the temperature", self.spec["margin_s"]):
            self.temperature_celsius = self.driver.temperature()
        with self.watch.during("asking for battery and card", APPLY_S + self.spec["margin_s"]):
            self.supplies = self.driver.supplies(now + APPLY_S)
        self.read_back()
        self._feels_s = self.clock.monotonic() - now

    def is_to_read(self, within_s: float) -> bool:
        """Whether somebody who asks for the settings is told anew: not of what was read just now, and not when an
        exposure is due in `within_s` seconds and would have to wait for it."""
        since_s = self.clock.monotonic() - self._read
        return since_s >= FRESH_S and self._reads_s <= max(UNNOTICED_S, within_s / 2)

    def read_back(self) -> None:
        """Told when it has changed. What is not said, as of what an exposure has borrowed, is as it was."""
        began = self.clock.monotonic()
        with self.watch.during("reading the settings back", APPLY_S + self.spec["margin_s"]):
            found = self.driver.read_back(began + APPLY_S)
        self._reads_s = self.clock.monotonic() - began
        now = {**self._actual, **found}
        if same_all(self._actual, now):
            self._note_reading()
        else:
            self._note(now)
            self._tell(now, [])

    def forget(self, exposure: Exposure) -> None:
        with self.watch.during("clearing the card", APPLY_S + self.spec["margin_s"]):
            self.driver.forget(exposure, self.clock.monotonic() + APPLY_S)
