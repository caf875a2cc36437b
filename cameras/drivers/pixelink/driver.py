"""The driver of PixeLink cameras: open by serial number, set and read back, a still, the stream."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Collection, Iterator
from typing import Any, ClassVar, Literal

from cameras.drivers.abilities import AttachedDevice, SettableStream
from cameras.drivers.base import (
    Aborted,
    Applied,
    CameraError,
    Capabilities,
    Clock,
    Driver,
    Exposure,
    ExposureRequest,
    FrameData,
    Identity,
    remaining,
)
from cameras.drivers.options import DriverSettings
from cameras.drivers.pixelink.controls import SETTINGS, Controls, Values
from cameras.drivers.pixelink.discovery import (
    attached_serials,
    check_address,
    describe_camera,
    listed_camera,
    open_session,
)
from cameras.drivers.pixelink.sdk import SdkError, camera_error
from cameras.drivers.pixelink.session import Feature, Raw, Session, picture
from core.resources.fields import field
from core.times.durations import format_exposure

READOUT_S = 2.0
LONG_S = 0.5
"""With longer exposures a still does not wait for the running frame: the stream is stopped and restarted with the
still."""
STREAMING_S = 2.0
"""A stream from which no frame was read for this long is stopped before a still."""
MOST_OLD = 4
"""The maximum number of frames that still have the old exposure after it was changed in a stream."""
ABORT_CHECK_S = 0.05
RESTORE_S = 2.0
EXPOSURE = ("exposure_us", "gain")


class PixelinkSettings(DriverSettings):
    fps: float | None = field(None, ge=0.001, le=10_000, help="frames per second of the stream")
    left: int | None = field(None, ge=0, le=65_535, help="pixels, of the region of interest")
    top: int | None = field(None, ge=0, le=65_535, help="pixels, of the region of interest")
    width: int | None = field(None, ge=1, le=65_535, help="pixels, of the region of interest")
    height: int | None = field(None, ge=1, le=65_535, help="pixels, of the region of interest")
    pixel_format: Literal["mono8", "mono16", "yuv422", "bayer8", "bayer16"] | None = None


class PixelinkDriver(Driver, AttachedDevice, SettableStream):
    """A still is the first whole frame after the request. In a running stream it is a frame of the stream as well."""

    kind: ClassVar[str] = "pixelink"
    settings_model: ClassVar[type[DriverSettings]] = PixelinkSettings

    def __init__(self, address: str, clock: Clock) -> None:
        super().__init__(address, clock)
        self._session: Session | None = None
        self._controls: Controls | None = None
        self._overridden: dict[str, Feature] = {}
        """The camera's values that an exposure overrode. They are restored after it, or in the next session."""
        self._overridden_on = ""
        self._of_stream: dict[str, Feature] = {}
        """The camera's values that settings of the stream replace."""
        self._number = 0
        self._shutter = False
        self._aborted = threading.Event()

    @classmethod
    def check_address(cls, address: str, sources: list[str]) -> str:
        return check_address(address)

    @classmethod
    def discover(cls, held: Collection[str] = ()) -> list[dict[str, str]]:
        """The attached cameras. One that is in use is listed without its model."""
        return [listed_camera(serial) if serial in held else describe_camera(serial) for serial in attached_serials()]

    def device_location(self) -> str:
        """The serial number, because the SDK does not know ports."""
        return self._session.serial if self._session else ""

    @property
    def transfer(self) -> Literal["linear", "srgb"]:
        return "linear"

    def open(self, deadline: float) -> Identity:
        self.close()
        self._number = 0
        with self._boundary():
            remaining(self.clock, deadline)
            # Stored at once: the boundary closes it if one of the following calls fails.
            session = self._session = open_session(self.address, self.clock, deadline)
            # Values of another camera must not be written to this one.
            if session.serial != self._overridden_on:
                self._overridden, self._overridden_on = {}, session.serial
            self._controls = Controls(session)
            self._restore_settings(self._controls)
            # `_restore_settings` has set a deadline of its own.
            session.deadline = deadline
        return session.identity

    def close(self) -> None:
        session, self._session, self._controls = self._session, None, None
        # The camera keeps what the stream's settings have set: the next session restores it.
        self._overridden, self._of_stream = self._overridden | self._of_stream, {}
        if session is not None:
            session.close()

    def capabilities(self) -> Capabilities:
        if self._session is None:
            return Capabilities(stream=True, readout_s=READOUT_S)
        with self._using_controls(self.clock.monotonic() + READOUT_S) as controls:
            ranges = controls.ranges()
            height, width = controls.frame_size()
        return Capabilities(stream=True, width=width, height=height, readout_s=READOUT_S, settings=ranges)

    def apply(self, settings: dict[str, Any], deadline: float) -> Applied:
        """The camera keeps its own value if one is out of range; it is returned with a warning."""
        requested = self.validated(settings)
        with self._using_controls(deadline) as controls:
            return self._applied(controls, requested)

    def read_back(self, deadline: float) -> Values:
        with self._using_controls(deadline) as controls:
            found, replaced = controls.read_settings(), {n for n in SETTINGS if SETTINGS[n].feature in self._of_stream}
            return {name: value for name, value in found.items() if name not in replaced}

    def use_for_stream(self, settings: dict[str, Any], deadline: float) -> None:
        requested = self.validated(settings)
        with self._using_controls(deadline) as controls:
            controls.restore_features(self._of_stream)
            self._of_stream = {}
            if requested:
                self._of_stream = controls.read_features(requested)
                controls.set_values(requested)

    def dry_run(self, request: ExposureRequest, deadline: float) -> Applied:
        """Set the requested values, read them back, and restore the original ones."""
        requested = self.validated(request.settings())
        with self._using_controls(deadline) as controls:
            applied = self._override_settings(controls, requested)
            self._restore_settings(controls)
        return Applied(_of_exposure(applied.actual), applied.warnings)

    def expose(self, request: ExposureRequest, deadline: float) -> Exposure:
        """As in the SDK's samples: start the stream, read a frame, stop it. A running stream continues."""
        requested = self.validated(request.settings())
        # An abort just before this is not lost: the clock stays interrupted until the camera loop clears it.
        self._aborted.clear()
        with self._using_controls(deadline) as controls:
            try:
                exposure = self._capture(controls, requested, deadline)
            except Aborted:
                self._restore_settings(controls)
                raise
            self._restore_settings(controls)
            return exposure

    def frame(self, deadline: float) -> FrameData | None:
        # Without a deadline, after which the session's calls would fail: here it only means that there is no frame yet.
        with self._using_controls(math.inf) as controls:
            session = controls.session
            session.start()
            now = self.clock.monotonic()
            wait_s, left_s = session.due() - now, deadline - now
            # The wait for the frame is here, since the SDK's own cannot be interrupted.
            if wait_s > 0 and self.clock.wait(max(0.0, min(wait_s, left_s))):
                return None
            if left_s <= max(0.0, wait_s):
                return None
            self._shutter = True
            raw = session.grab()
            return None if raw is None else self._make_frame(raw)

    def temperature(self) -> float | None:
        """Celsius. Also detects (CameraError) that the camera was unplugged while no one reads frames."""
        if self._session is None:
            return None
        with self._using_controls(self.clock.monotonic() + READOUT_S) as controls:
            return controls.temperature()

    def abort(self) -> None:
        self._aborted.set()

    # Settings

    def _applied(self, controls: Controls, requested: Values) -> Applied:
        refused = controls.set_values(requested)
        actual = controls.read_settings()
        return Applied(actual, controls.warnings(requested, actual, refused))

    def _override_settings(self, controls: Controls, requested: Values) -> Applied:
        """Apply values for one exposure and remember the camera's own."""
        # The older values have priority: after a failed restoration the camera still has those of an exposure.
        self._overridden = controls.read_features(requested) | self._overridden
        return self._applied(controls, requested)

    def _restore_settings(self, controls: Controls) -> None:
        """Restore what an exposure overrode. If that fails, or the camera was closed, the next call tries again: the
        picture must not be lost."""
        if not self._overridden or self._session is None:
            return
        # The exposure may have used up its deadline, and the values must be restored all the same.
        controls.session.deadline = self.clock.monotonic() + RESTORE_S
        with contextlib.suppress(SdkError, CameraError):
            controls.restore_features(self._overridden)
            self._overridden = {}

    # Frames

    def _capture(self, controls: Controls, requested: Values, deadline: float) -> Exposure:
        session = controls.session
        applied = self._override_settings(controls, requested)
        exposure_s, period_s = session.timing()
        self._check_time_left(exposure_s, deadline)
        # Before the shutter: an error here is retried and costs no picture.
        celsius = controls.temperature()
        if exposure_s > LONG_S or self.clock.monotonic() - session.last_arrival > STREAMING_S + period_s:
            session.stop()
        was_stopped = not session.streaming
        try:
            raw = self._read_still(session, applied.actual, deadline)
            frame = self._make_frame(raw)
        finally:
            if was_stopped:
                session.stop()
        return Exposure(
            started_ns=frame.captured_ns,
            ended_ns=raw.wall_ns,
            actual=_of_exposure(applied.actual | _reported_settings(raw)),
            warnings=[*applied.warnings, *_contradictions(raw, applied.actual)],
            frame=frame,
            temperature_celsius=celsius,
        )

    def _check_time_left(self, exposure_s: float, deadline: float) -> None:
        if remaining(self.clock, deadline) < exposure_s:
            raise CameraError(
                f"An exposure of {format_exposure(exposure_s * 1e6)} does not fit into the allowed time. "
                "Use a shorter exposure, or allow more time.",
                reason="too_slow",
            )

    def _read_still(self, session: Session, actual: Values, deadline: float) -> Raw:
        """A frame with that exposure and gain. Skips at most MOST_OLD older frames of the stream."""
        session.start()
        # From here on an error may have cost an exposure, and the core must not repeat the capture.
        self._shutter = True
        raw = self._next_frame(session, deadline)
        for _ in range(MOST_OLD):
            # The SDK applies a new exposure some frames later, and only a frame's description says with which one it
            # was taken.
            if not _contradictions(raw, actual):
                break
            raw = self._next_frame(session, deadline)
        return raw

    def _next_frame(self, session: Session, deadline: float) -> Raw:
        while True:
            self._wait_until(session.due(), deadline)
            raw = session.grab()
            if raw is not None:
                return raw

    def _wait_until(self, due: float, deadline: float) -> None:
        """Wait until `due`. Checks the deadline and `abort` at least once."""
        while True:
            left = min(due - self.clock.monotonic(), remaining(self.clock, deadline))
            # In steps, because `abort` sets the event from another thread without ending the clock's wait.
            if self._aborted.is_set() or self.clock.wait(min(max(0.0, left), ABORT_CHECK_S)):
                raise Aborted
            if due <= self.clock.monotonic():
                return

    def _make_frame(self, raw: Raw) -> FrameData:
        number, self._number = self._number, self._number + 1
        exposure_ns = max(0, round(_reported_settings(raw).get("exposure_us", 0) * 1000))
        return FrameData(picture(raw), raw.wall_ns - exposure_ns, raw.monotonic, number)

    # The boundary

    def _ready(self) -> Controls:
        if self._controls is None:
            raise CameraError("The PixeLink camera is not open, or was closed after an error. Open it first.")
        return self._controls

    @contextlib.contextmanager
    def _using_controls(self, deadline: float) -> Iterator[Controls]:
        """The open camera, with the settings from before the last exposure."""
        with self._boundary():
            controls = self._ready()
            self._restore_settings(controls)
            controls.session.deadline = deadline
            yield controls

    @contextlib.contextmanager
    def _boundary(self) -> Iterator[None]:
        """On an error the camera is closed, and the error is raised as CameraError."""
        self._shutter = False
        try:
            yield
        except CameraError as error:
            self.close()
            error.before_shutter = not self._shutter
            raise
        except SdkError as error:
            # Before `close`, which drops the session.
            serial = self._session.serial if self._session else self.address
            self.close()
            raise camera_error(error, serial, before_shutter=not self._shutter) from None


def _of_exposure(values: Values) -> Values:
    return {name: values[name] for name in EXPOSURE if name in values}


def _reported_settings(raw: Raw) -> Values:
    """The exposure and gain in a frame's description; empty if they are not plausible."""
    exposure_s, gain = raw.description.Shutter.fValue, raw.description.Gain.fValue
    if not (math.isfinite(exposure_s) and math.isfinite(gain) and exposure_s > 0):
        return {}
    return {"exposure_us": SETTINGS["exposure_us"].ours(exposure_s), "gain": SETTINGS["gain"].ours(gain)}


def _contradictions(raw: Raw, actual: Values) -> list[str]:
    """A sentence for each value of the frame that differs from the camera's."""
    reported = {name: value for name, value in _reported_settings(raw).items() if name in actual}
    wrong = {name: value for name, value in reported.items() if not SETTINGS[name].same(actual[name], value)}
    return [
        f"The frame was taken with {SETTINGS[name].label} {value:g}, although the camera reports {actual[name]:g}."
        for name, value in wrong.items()
    ]
