"""The video stream of a device, read by OpenCV in one of the sizes and frame rates that the device offers."""

from __future__ import annotations

import os
from dataclasses import dataclass

import cv2

from cameras.drivers.base import CameraError, SettingRange
from cameras.drivers.opencv import v4l2_devices
from cameras.drivers.opencv.source import Image, capture, rgb
from cameras.drivers.opencv.v4l2_devices import Node, Rates, Span

QUEUED = 10
"""Frames that the kernel queues while the reading thread is delayed. OpenCV's default is 4, its maximum 10."""
OLDEST_S = 60.0
"""An older time stamp is from another clock."""


class Stream:
    """Streams from its construction on. CameraError when the device cannot be started or gives no first frame."""

    def __init__(self, path: str, device: str) -> None:
        self._path, self._device = path, device
        self._capture = capture(device, cv2.CAP_V4L2, [], {})
        if not self._capture.isOpened():
            raise v4l2_devices.start_error(path, device)
        try:
            self._capture.set(cv2.CAP_PROP_BUFFERSIZE, QUEUED)
            self._begin()
        except BaseException:
            self._capture.release()
            raise

    def close(self) -> None:
        self._capture.release()

    def arrived(self, seconds: float) -> bool:
        """Whether a frame arrived within `seconds`. It stays until `image` or `discard` reads it."""
        try:
            # At least 1 ns: OpenCV takes 0 as no time limit.
            ready, _ = cv2.VideoCapture.waitAny([self._capture], max(1, int(seconds * 1e9)))
        except cv2.error:
            raise self.read_error() from None
        # An unplugged device may only time out, like a slow one.
        if not ready and not os.path.exists(self._device):
            raise self.read_error()
        return bool(ready)

    def image(self) -> Image | None:
        """The frame that arrived; None when it cannot be decoded."""
        self._decode(True)
        try:
            return rgb(self._capture)
        except cv2.error:
            return None

    def discard(self) -> None:
        """Drop the frame that arrived without decoding it."""
        self._decode(False)
        # `waitAny` has grabbed the frame; only retrieve() returns its buffer to the kernel.
        self._capture.retrieve()

    def captured(self, now: float) -> float | None:
        """When the frame arrived, in monotonic seconds, as nearly every kernel driver reports it; None otherwise."""
        stamp = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        return stamp if now - OLDEST_S < stamp <= now else None

    def actual(self) -> dict[str, float]:
        return {
            "width": round(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            "height": round(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            "fps": round(self._capture.get(cv2.CAP_PROP_FPS), 3),
        }

    def set(self, picture: Picture, fps: float | None) -> None:
        """Set size and rate and restart the stream. OpenCV needs width and height together, and whole frames per
        second."""
        # First: OpenCV negotiates the size for the current pixel format.
        if picture.pixels:
            self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*picture.pixels))
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, picture.width)
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, picture.height)
        if fps is not None:
            self._capture.set(cv2.CAP_PROP_FPS, max(1, round(fps)))
        self._begin()

    def read_error(self) -> CameraError:
        return v4l2_devices.read_error(self._path, self._device)

    def _begin(self) -> None:
        """Start the stream and read its first frame: `waitAny` works only on a running stream."""
        self._decodes = True
        self._capture.set(cv2.CAP_PROP_CONVERT_RGB, 1)
        if not self._capture.grab():
            raise self.read_error()
        self._capture.retrieve()

    def _decode(self, decodes: bool) -> None:
        if decodes != self._decodes:
            self._capture.set(cv2.CAP_PROP_CONVERT_RGB, int(decodes))
            self._decodes = decodes


READABLE = (
    "BGR3", "RGB3", "YV12", "YU12", "411P", "YUYV", "UYVY", "NV12", "NV21", "BA81", "GBRG", "MJPG", "JPEG",
    "Y16 ", "Y10 ", "GREY",
)  # fmt: skip
"""The pixel formats that OpenCV reads, in its order: compressed formats only where no other has the mode."""
UNITS = {"width": "px", "height": "px", "fps": "1/s"}


@dataclass(frozen=True, slots=True)
class Mode:
    """`rates` are those of the size, or of the smallest size where sizes are stepwise."""

    pixels: str
    widths: Span
    heights: Span
    rates: Rates


@dataclass(frozen=True, slots=True)
class Picture:
    """One size in one pixel format; `pixels` is empty if the device lists none."""

    width: int
    height: int
    pixels: str = ""


class Modes:
    """The modes of a device, read once when it is opened. Raises OSError."""

    def __init__(self, node: Node) -> None:
        formats = node.formats()
        self.all = [mode for pixels in READABLE if pixels in formats for mode in _modes(node, pixels)]

    def ranges(self) -> dict[str, SettingRange]:
        return {
            "width": _range("width", [mode.widths for mode in self.all]),
            "height": _range("height", [mode.heights for mode in self.all]),
            "fps": _rate_range([mode.rates for mode in self.all]),
        }

    def nearest(self, width: int, height: int, fps: float) -> Picture:
        """The nearest size, in the pixel format with the nearest rate, in OpenCV's order."""
        if not self.all:
            return Picture(width, height)

        def misfit(mode: Mode) -> tuple[float, float]:
            off = abs(mode.widths.nearest(width) - width) + abs(mode.heights.nearest(height) - height)
            # A device that lists no rates is assumed to reach the requested one.
            return off, max(0.0, fps - max(mode.rates.values, default=fps))

        # min() returns the first of equals, so READABLE's order decides between them.
        best = min(self.all, key=misfit)
        return Picture(best.widths.nearest(width), best.heights.nearest(height), best.pixels)


def _modes(node: Node, pixels: str) -> list[Mode]:
    return [
        Mode(pixels, widths, heights, node.rates(pixels, widths.least, heights.least))
        for widths, heights in node.sizes(pixels)
    ]


def _range(name: str, spans: list[Span]) -> SettingRange:
    """Choices, or minimum and maximum where sizes are stepwise."""
    if all(span.least == span.most for span in spans):
        return SettingRange(UNITS[name], choices=sorted({span.least for span in spans}) or None)
    least, most = min(span.least for span in spans), max(span.most for span in spans)
    return SettingRange(UNITS[name], minimum=least, maximum=most, step=max(1, min(span.step for span in spans)))


def _rate_range(found: list[Rates]) -> SettingRange:
    values = sorted({value for rates in found for value in rates.values})
    if values and any(rates.between for rates in found):
        return SettingRange(UNITS["fps"], minimum=values[0], maximum=values[-1])
    return SettingRange(UNITS["fps"], choices=values or None)
