"""The video stream of a device, read by OpenCV. Used by one thread at a time."""

from __future__ import annotations

import os

import cv2

from cameras.drivers.base import CameraError
from cameras.drivers.opencv import discovery
from cameras.drivers.opencv.modes import Picture
from cameras.drivers.opencv.source import Image, capture, rgb

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
            raise discovery.start_error(path, device)
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
        return discovery.read_error(self._path, self._device)

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
