"""One opened camera: every call of the SDK that has a handle, and its raw frames as pictures. Raises SdkError, which
the driver turns into sentences."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cameras.drivers.base import CameraError, Clock, Identity, Pixels, remaining
from cameras.drivers.pixelink.sdk import (
    NOT_WHILE_STREAMING,
    REFUSED,
    TIMED_OUT,
    SdkError,
    call,
    is_listed,
    library,
    version,
)

STOPS_THE_STREAM = frozenset({"FRAME_RATE", "PIXEL_FORMAT", "ROI"})
TRIES = 4
"""The number of consecutive time-outs after which a frame fails."""
EARLY_S = 0.01
"""How long before a frame is due the uninterruptible wait in the SDK begins."""


@dataclass(frozen=True, slots=True)
class Feature:
    """The state of one of the camera's features: its mode (manual, automatic, off) and its parameters."""

    mode: int
    values: tuple[float, ...]

    @property
    def is_manual(self) -> bool:
        flags = library().FeatureFlags
        return not self.mode & (flags.AUTO | flags.ONEPUSH | flags.OFF)


@dataclass(frozen=True, slots=True)
class Raw:
    """A raw frame: the bytes, the SDK's description, and the time of arrival. Valid until the next one."""

    pixels: NDArray[np.uint8]
    description: Any
    wall_ns: int
    monotonic: float


class Session:
    """One camera from `initialize` to `uninitialize`, used by one thread. `deadline` is checked before each call of the
    SDK."""

    def __init__(self, serial: str, clock: Clock, deadline: float, flags: int = 0) -> None:
        self.serial, self.clock, self.deadline = serial, clock, deadline
        self.streaming = False
        self.last_arrival = -math.inf
        """When the last frame arrived, or the stream was started."""
        self._first, self._silent = True, 0
        self._timing: tuple[float, float] | None = None
        self._buffer = np.empty(0, np.uint8)
        remaining(clock, deadline)
        (self._handle,) = call("initialize", int(serial), flags)
        with contextlib.ExitStack() as undo:
            # An opened camera stays in use by this process until `uninitialize`.
            undo.callback(self.close)
            self.identity = self._identify()
            undo.pop_all()

    def close(self) -> None:
        """Release the camera, also when it is gone."""
        self.stop()
        with contextlib.suppress(SdkError, CameraError):
            call("uninitialize", self._handle)

    # Features

    def has(self, feature: str) -> bool:
        return bool(self.describe_feature(feature)[0] & library().FeatureFlags.PRESENCE)

    def describe_feature(self, feature: str) -> tuple[int, list[tuple[float, float]]]:
        """The flags of a feature, and the range of each of its parameters."""
        (features,) = self._call("getCameraFeatures", self._id(feature))
        info = features.Features[0]
        ranges = [(info.Params[at].fMinValue, info.Params[at].fMaxValue) for at in range(info.uNumberOfParameters)]
        return int(info.uFlags), ranges

    def read(self, feature: str) -> Feature:
        """The feature's state. CameraError when the camera returns values that are not numbers."""
        flags, values = self._call("getFeature", self._id(feature))
        if not all(map(math.isfinite, values)):
            raise CameraError(
                f"The PixeLink camera {self.serial} reports {values} for {feature}. Switch it off and on."
            )
        return Feature(flags & library().FeatureFlags.MOD_BITS, tuple(values))

    def write(self, feature: str, wanted: Feature) -> int:
        """Set the values; returns 0, or an error code if the camera refuses them and keeps its own.

        Stops the stream for features that cannot be changed while streaming.
        """
        if feature in STOPS_THE_STREAM:
            self.stop()
        # The exposure and the rate are cached for `due`, which is called for each frame; any feature may change them.
        self._timing = None
        try:
            self._set(feature, wanted)
        except SdkError as error:
            if error.code not in REFUSED:
                raise
            return error.code
        return 0

    def _set(self, feature: str, wanted: Feature) -> None:
        # The mode of a feature that is restored; a value of our own ends an automatic mode.
        mode = wanted.mode or library().FeatureFlags.MANUAL
        try:
            self._call("setFeature", self._id(feature), mode, list(wanted.values))
        except SdkError as error:
            # Which features need a stopped stream, besides STOPS_THE_STREAM, depends on the camera.
            if error.code != NOT_WHILE_STREAMING or not self.streaming:
                raise
            self.stop()
            self._call("setFeature", self._id(feature), mode, list(wanted.values))

    # The stream

    def start(self) -> None:
        if self.streaming:
            return
        # uint8, because pixelinkWrapper gives the SDK the number of elements as the size in bytes. The size holds until
        # `stop`: region and format cannot change before.
        self._buffer = np.empty(self._max_frame_bytes(), np.uint8)
        self._call("setStreamState", library().StreamState.START)
        self.streaming, self.last_arrival, self._first, self._silent = True, self.clock.monotonic(), True, 0

    def stop(self) -> None:
        """Errors are ignored: a camera that does not answer has stopped too. The next call reports its error."""
        if self.streaming:
            # Before the call, so that `close` does not repeat one that fails.
            self.streaming = False
            with contextlib.suppress(SdkError, CameraError):
                # Without the deadline, also for `uninitialize`: a camera must be released when its time is over.
                call("setStreamState", self._handle, library().StreamState.STOP)

    def due(self) -> float:
        """The monotonic time from which `grab` may be called: just before the next frame is due."""
        exposure_s, period_s = self.timing()
        return self.last_arrival + (exposure_s if self._first else period_s) - EARLY_S

    def timing(self) -> tuple[float, float]:
        """Seconds of an exposure, and from frame to frame."""
        if self._timing is None:
            exposure_s = self.read("SHUTTER").values[0]
            fps = self.read("FRAME_RATE").values[0] if self.has("FRAME_RATE") else 0.0
            self._timing = exposure_s, max(exposure_s, 1 / fps if fps > 0 else 0.0)
        return self._timing

    def grab(self) -> Raw | None:
        """The next frame; None when it timed out. SdkError after TRIES time-outs, or when the camera is gone.

        Blocks in the SDK, at most for the SDK's own time-out.
        """
        try:
            # Without the deadline: a frame that has arrived is kept, and the caller decides whether it is late.
            (description,) = call("getNextNumPyFrame", self._handle, self._buffer)
        except SdkError as error:
            # Counted over the calls: the caller of a stream asks again after each None.
            self._silent += 1
            # An unplugged camera also answers with a time-out, and must not be waited for four times.
            if error.code != TIMED_OUT or self._silent >= TRIES or not is_listed(self.serial):
                raise
            return None
        self._silent, self._first, self.last_arrival = 0, False, self.clock.monotonic()
        return Raw(self._buffer, description, self.clock.wall_ns(), self.last_arrival)

    def _max_frame_bytes(self) -> int:
        """The largest size of a raw frame: twice the region's, because of interleaved frames (gain HDR). Binning makes
        it smaller."""
        _, _, width, height = self.read("ROI").values
        pixel = library().getBytesPerPixel(self.read("PIXEL_FORMAT").values[0])
        if not pixel:
            raise CameraError("The camera's pixel format is unknown. Set pixel_format.", reason="rejected_setting")
        return int(2 * math.ceil(width * height * pixel))

    # The boundary to the SDK

    def _identify(self) -> Identity:
        (info,) = self._call("getCameraInfo")
        return Identity(
            vendor=_text(info.VendorName),
            model=_text(info.ModelName),
            serial=self.serial,
            firmware=_text(info.FirmwareVersion),
            library=f"PixeLink SDK {version()}",
        )

    def _call(self, name: str, *arguments: Any) -> tuple[Any, ...]:
        remaining(self.clock, self.deadline)
        return call(name, self._handle, *arguments)

    def _id(self, feature: str) -> int:
        return int(getattr(library().FeatureId, feature))


def _text(name: bytes) -> str:
    return name.decode(errors="replace").strip()


SIXTEEN_BITS = frozenset({4, 6, 10, 11, 12, 19})
"""The colour formats with 16 bits per channel: Bayer in its four patterns, RGB48."""


def picture(raw: Raw) -> Pixels:
    """(height, width) for a mono camera, else (height, width, 3) RGB; uint8, or uint16 with its most
    significant bit in bit 15.

    CameraError incomplete for a frame with an implausible description.
    """
    height, width = picture_size(raw.description)
    formats, own = library().PixelFormat, int(raw.description.PixelFormat.fValue)
    pixels = height * width
    # The description comes from the camera, and PxLFormatImage takes no size of its source: it would read beyond the
    # buffer.
    if not 0 < pixels * library().getBytesPerPixel(own) <= raw.pixels.size:
        raise _damaged_frame()
    if own == formats.MONO8:
        # A copy: the session reads the next frame into the same buffer.
        return raw.pixels[:pixels].reshape(height, width).copy()
    if own == formats.MONO16:
        # most significant byte first, as the camera sends it
        return raw.pixels[: 2 * pixels].view(">u2").reshape(height, width).astype(np.uint16)
    if own in SIXTEEN_BITS:
        return _formatted(raw, library().ImageFormat.RAW_RGB48)[: 6 * pixels].view(np.uint16).reshape(height, width, 3)
    # Not RAW_RGB24: that is the bottom-up form of Windows bitmaps.
    return _formatted(raw, library().ImageFormat.RAW_RGB24_NON_DIB)[: 3 * pixels].reshape(height, width, 3)


def picture_size(description: Any) -> tuple[int, int]:
    """Height and width in pixels, after binning and decimation."""
    roi, by = description.Roi, description.PixelAddressingValue
    reported = (roi.fHeight, by.fVertical, roi.fWidth, by.fHorizontal, description.PixelFormat.fValue)
    if not all(map(math.isfinite, reported)) or by.fVertical < 1 or by.fHorizontal < 1:
        raise _damaged_frame()
    return int(roi.fHeight / by.fVertical), int(roi.fWidth / by.fHorizontal)


def _formatted(raw: Raw, image_format: int) -> NDArray[np.uint8]:
    (image,) = call("formatNumPyImage", raw.pixels, raw.description, image_format)
    return np.frombuffer(image, np.uint8)


def _damaged_frame() -> CameraError:
    return CameraError("The camera sent a damaged frame. Check its cable.", reason="incomplete")
