"""The driver of PixeLink cameras: open by serial number, set and read back, a still, the stream."""

from __future__ import annotations

import contextlib
import itertools
import math
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
from cameras.drivers.parts import AbortableWait, check_exposure_fits
from cameras.drivers.pixelink.controls import SETTINGS, Controls, Values
from cameras.drivers.pixelink.discovery import (
    attached_serials,
    check_address,
    describe_camera,
    listed_camera,
    open_session,
)
from cameras.drivers.pixelink.overrides import Overrides
from cameras.drivers.pixelink.sdk import SdkError, camera_error
from cameras.drivers.pixelink.session import Raw, Session, picture
from core.resources.fields import field

READOUT_S = 2.0
LONG_S = 0.5
"""With longer exposures a still does not wait for the running frame: the stream is stopped and restarted with the
still."""
STREAMING_S = 2.0
"""A stream from which no frame was read for this long is stopped before a still."""
MOST_OLD = 4
"""The maximum number of frames that still have the old exposure after it was changed in a stream."""
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
        self._overrides = Overrides(clock)
        self._numbers = itertools.count()
        self._shutter = False
        self._waits = AbortableWait(clock)

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
        self._numbers = itertools.count()
        with self._boundary():
            remaining(self.clock, deadline)
            # Stored at once: the boundary closes it if one of the following calls fails.
            session = self._session = open_session(self.address, self.clock, deadline)
            self._controls = Controls(session)
            self._overrides.begin_session(self._controls)
            # The restoration has set a deadline of its own.
            session.deadline = deadline
        return session.identity

    def close(self) -> None:
        session, self._session, self._controls = self._session, None, None
        self._overrides.end_session()
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
            return controls.apply(requested)

    def read_back(self, deadline: float) -> Values:
        with self._using_controls(deadline) as controls:
            return self._overrides.without_stream(controls.read_settings())

    def use_for_stream(self, settings: dict[str, Any], deadline: float) -> None:
        requested = self.validated(settings)
        with self._using_controls(deadline) as controls:
            self._overrides.use_for_stream(controls, requested)

    def dry_run(self, request: ExposureRequest, deadline: float) -> Applied:
        """Set the requested values, read them back, and restore the original ones."""
        requested = self.validated(request.settings())
        with self._using_controls(deadline) as controls:
            applied = self._overrides.apply(controls, requested)
            self._overrides.restore(controls)
        return Applied(_of_exposure(applied.actual), applied.warnings)

    def expose(self, request: ExposureRequest, deadline: float) -> Exposure:
        """As in the SDK's samples: start the stream, read a frame, stop it. A running stream continues."""
        requested = self.validated(request.settings())
        self._waits.begin()
        with self._using_controls(deadline) as controls:
            try:
                exposure = self._capture(controls, requested, deadline)
            except Aborted:
                self._overrides.restore(controls)
                raise
            self._overrides.restore(controls)
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
            return None if raw is None else _make_frame(raw, next(self._numbers))

    def temperature(self) -> float | None:
        """Celsius. Also detects (CameraError) that the camera was unplugged while no one reads frames."""
        if self._session is None:
            return None
        with self._using_controls(self.clock.monotonic() + READOUT_S) as controls:
            return controls.temperature()

    def abort(self) -> None:
        self._waits.abort()

    def _capture(self, controls: Controls, requested: Values, deadline: float) -> Exposure:
        session = controls.session
        applied = self._overrides.apply(controls, requested)
        exposure_s, period_s = session.timing()
        check_exposure_fits(exposure_s * 1e6, self.clock, deadline)
        # Before the shutter: an error here is retried and costs no picture.
        celsius = controls.temperature()
        if exposure_s > LONG_S or self.clock.monotonic() - session.last_arrival > STREAMING_S + period_s:
            session.stop()
        was_stopped = not session.streaming
        try:
            session.start()
            # From here on an error may have cost an exposure, and the core must not repeat the capture.
            self._shutter = True
            raw = _read_still(session, self._waits, applied.actual, deadline)
            frame = _make_frame(raw, next(self._numbers))
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

    # The boundary

    @contextlib.contextmanager
    def _using_controls(self, deadline: float) -> Iterator[Controls]:
        """The open camera, with the settings from before the last exposure."""
        with self._boundary():
            if (controls := self._controls) is None:
                raise CameraError("The PixeLink camera is not open, or was closed after an error. Open it first.")
            self._overrides.restore(controls)
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


def _read_still(session: Session, waits: AbortableWait, actual: Values, deadline: float) -> Raw:
    """A frame with the exposure and gain in `actual`. Skips at most MOST_OLD older frames of the stream."""
    raw = _next_frame(session, waits, deadline)
    for _ in range(MOST_OLD):
        # The SDK applies a new exposure some frames later, and only a frame's description says with which one it was
        # taken.
        if not _contradictions(raw, actual):
            break
        raw = _next_frame(session, waits, deadline)
    return raw


def _next_frame(session: Session, waits: AbortableWait, deadline: float) -> Raw:
    while True:
        # Also if the frame is due already: the SDK may time out again and again.
        waits.check(deadline)
        waits.wait_until(session.due(), deadline)
        raw = session.grab()
        if raw is not None:
            return raw


def _make_frame(raw: Raw, number: int) -> FrameData:
    exposure_ns = max(0, round(_reported_settings(raw).get("exposure_us", 0) * 1000))
    return FrameData(picture(raw), raw.wall_ns - exposure_ns, raw.monotonic, number)


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
