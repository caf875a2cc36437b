"""A V4L2 device: a USB camera, a capture card."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2

from cameras.drivers.base import Applied, CameraError, Clock, SettingRange, remaining
from cameras.drivers.opencv.source import Image, capture, retrieved

REAL = re.compile(r"/dev/video\d+")
SLICE_S = 0.02
"""How long a wait for the device lasts before the clock is asked whether it was interrupted."""
PAUSE_S = 0.5
"""After a longer pause the frames that V4L2 queued are old, and are thrown away."""
MOST_QUEUED = 10
IN_FLIGHT, SETTLING = 1, 3
"""The frame that arrives first after a request was begun before it; new settings take some frames more."""
MANUAL_EXPOSURE = 1
EXPOSURE_STEP_US = 100
PROPERTIES = {
    "width": cv2.CAP_PROP_FRAME_WIDTH,
    "height": cv2.CAP_PROP_FRAME_HEIGHT,
    "fps": cv2.CAP_PROP_FPS,
    "exposure_us": cv2.CAP_PROP_EXPOSURE,
    "gain": cv2.CAP_PROP_GAIN,
}
"""In the order in which they are set: a picture size restarts the stream and its rate."""
OVERRIDABLE = (cv2.CAP_PROP_EXPOSURE, cv2.CAP_PROP_GAIN, cv2.CAP_PROP_AUTO_EXPOSURE)
UNITS = {"width": "px", "height": "px", "fps": "1/s", "exposure_us": "µs", "gain": ""}
WHOLE = {"width", "height", "exposure_us"}


class VideoDevice:
    def __init__(self, path: str, clock: Clock, deadline: float) -> None:
        self.path, self._clock = path, clock
        remaining(clock, deadline)
        self._device = _device(path)
        self._capture = capture(self._device, cv2.CAP_V4L2, [], {})
        if not self._capture.isOpened():
            raise CameraError(
                f"{path} could not be started: another program holds it (`fuser -v {self._device}` names it), "
                "or it is not a camera.",
                reason="camera_held",
            )
        self._read_at = clock.monotonic()
        self._in_flight = IN_FLIGHT

    def close(self) -> None:
        self._capture.release()

    def next(self, deadline: float) -> Image | None:
        if self._clock.monotonic() - self._read_at > PAUSE_S:
            self._drain()
        if not self._wait(deadline):
            return None
        self._grab()
        return retrieved(self._capture, self.path)

    def skip_old(self, deadline: float) -> None:
        self._drain()
        for _ in range(self._in_flight):
            if not self._wait(deadline):
                return
            self._grab()

    def apply(self, values: dict[str, Any]) -> Applied:
        size = {name: value for name, value in self.actual().items() if name in {"width", "height"}}
        wanted = size | values if size.keys() & values.keys() else values
        for name in PROPERTIES:
            if name in wanted:
                self._set(name, wanted[name])
        actual = self.actual()
        refused = {name: asked for name, asked in values.items() if not _is_same(name, asked, actual.get(name))}
        return Applied(actual, [_refusal(name, asked, actual.get(name)) for name, asked in refused.items()])

    @contextmanager
    def overridden(self, values: dict[str, Any]) -> Iterator[Applied]:
        before = {number: self._capture.get(number) for number in OVERRIDABLE}
        self._in_flight = SETTLING if values else IN_FLIGHT
        try:
            yield self.apply(values)
        finally:
            self._in_flight = IN_FLIGHT
            for number, value in before.items():
                if value >= 0 and self._capture.get(number) != value:
                    self._capture.set(number, value)

    def actual(self) -> dict[str, Any]:
        values = {name: self._capture.get(number) for name, number in PROPERTIES.items()}
        present = {name: value for name, value in values.items() if value >= 0}
        if "exposure_us" in present:
            present["exposure_us"] *= EXPOSURE_STEP_US
        return {name: round(value) if name in WHOLE else value for name, value in present.items()}

    def ranges(self) -> dict[str, SettingRange]:
        return {name: SettingRange(UNITS[name]) for name in self.actual()}

    def _set(self, name: str, value: float) -> None:
        if name == "exposure_us":
            self._capture.set(cv2.CAP_PROP_AUTO_EXPOSURE, MANUAL_EXPOSURE)
            value = max(1, round(value / EXPOSURE_STEP_US))
        self._capture.set(PROPERTIES[name], value)

    def _drain(self) -> None:
        for _ in range(MOST_QUEUED):
            if not self._is_ready(0.0):
                return
            self._grab()

    def _wait(self, deadline: float) -> bool:
        """Wait for a frame; False when the deadline passed or the wait was interrupted before it."""
        while not self._is_ready(min(SLICE_S, max(0.0, deadline - self._clock.monotonic()))):
            self._check_present()
            if self._clock.wait(0) or self._clock.monotonic() >= deadline:
                return False
        return True

    def _is_ready(self, seconds: float) -> bool:
        ready, _ = cv2.VideoCapture.waitAny([self._capture], int(seconds * 1e9))
        return bool(ready)

    def _grab(self) -> None:
        if not self._capture.grab():
            self._check_present()
            raise CameraError(
                f"{self.path} stopped delivering frames. Open it again; if it happens often, change cable or port.",
                reason="camera_unreachable",
            )
        self._read_at = self._clock.monotonic()

    def _check_present(self) -> None:
        if not os.path.exists(self._device):
            raise CameraError(f"{self.path} is gone: plug the camera in again.", reason="camera_unreachable")


def attached() -> list[dict[str, str]]:
    """The devices of this machine, with the lasting names of `/dev/v4l/by-id` where there are any."""
    folder = "/dev/v4l/by-id"
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    lasting = {os.path.realpath(f"{folder}/{name}"): f"{folder}/{name}" for name in reversed(names)}
    devices = sorted(f"/dev/{name}" for name in os.listdir("/dev") if REAL.fullmatch(f"/dev/{name}"))
    return [{"address": lasting.get(device, device), "model": model(device), "serial": ""} for device in devices]


def model(path: str) -> str:
    """The name that the kernel's driver gives the device, or empty."""
    number = os.path.basename(os.path.realpath(path))
    try:
        with open(f"/sys/class/video4linux/{number}/name", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def _device(path: str) -> str:
    """The `/dev/videoN` behind a device's path; CameraError when it is absent or may not be used."""
    device = os.path.realpath(path)
    if not os.path.exists(device):
        raise CameraError(
            f"There is no device {path}. Plug the camera in, or look for its name in /dev/v4l/by-id.",
            reason="camera_unreachable",
        )
    if not REAL.fullmatch(device):
        raise CameraError(f"{path} is not a video device. Give /dev/video0 or /dev/v4l/by-id/...", permanent=True)
    if not os.access(device, os.R_OK | os.W_OK):
        raise CameraError(f"{path} may not be used. Add the user that runs Skycam to the group `video`.")
    return device


def _is_same(name: str, asked: float, actual: float | None) -> bool:
    tolerance = EXPOSURE_STEP_US / 2 if name == "exposure_us" else 0.01
    return actual is not None and abs(asked - actual) <= tolerance


def _refusal(name: str, asked: float, actual: float | None) -> str:
    if actual is None:
        return f"This camera has no {name}; {asked:g} was asked."
    return f"This camera has {name} {actual:g}; {asked:g} was asked."
