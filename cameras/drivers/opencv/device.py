"""A V4L2 device: a USB camera, a capture card."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2

from cameras.drivers.base import Applied, CameraError, Clock, SettingRange, remaining
from cameras.drivers.opencv.source import Taken, capture, retrieved

REAL = re.compile(r"/dev/video\d+")
SLICE_S = 0.02
"""How long a wait for the device lasts before the clock is asked whether it was interrupted."""
PAUSE_S = 0.5
"""After a longer pause the frames that V4L2 queued are old, and are thrown away."""
SILENT_S = 4.0
"""Whoever waits for longer than this and one interval of the frames, all in all, waits for a camera that is gone."""
MOST_QUEUED = 10
OLDEST_S = 60.0
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
    "white_balance_k": cv2.CAP_PROP_WB_TEMPERATURE,
}
"""In the order in which they are set: a picture size restarts the stream and its rate."""
AUTOMATIC = {
    "exposure_us": (cv2.CAP_PROP_AUTO_EXPOSURE, MANUAL_EXPOSURE),
    "white_balance_k": (cv2.CAP_PROP_AUTO_WB, 0),
}
"""What the camera does by itself until it is set, and the value that ends that."""
OVERRIDABLE = (cv2.CAP_PROP_EXPOSURE, cv2.CAP_PROP_GAIN, cv2.CAP_PROP_AUTO_EXPOSURE)
UNITS = {"width": "px", "height": "px", "fps": "1/s", "exposure_us": "µs", "gain": "", "white_balance_k": "K"}
SIZE = {"width", "height"}
WHOLE = {"width", "height", "exposure_us", "white_balance_k"}


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
        self._in_flight = IN_FLIGHT
        try:
            self._begin()
        except BaseException:
            self._capture.release()
            raise

    def close(self) -> None:
        self._capture.release()

    def look(self) -> None:
        if not os.path.exists(self._device):
            raise self._silent()

    def next(self, deadline: float) -> Taken | None:
        began = self._clock.monotonic()
        if began - self._read_at > PAUSE_S:
            self._drain()
        if self._wait(deadline):
            return self._frame()
        self._waited_s += self._clock.monotonic() - began
        if self._waited_s > SILENT_S + self._interval_s():
            raise self._silent()
        return None

    def _interval_s(self) -> float:
        """Seconds from one frame to the next, at most."""
        actual = self.actual()
        return 1 / float(actual.get("fps") or 1.0) + float(actual.get("exposure_us", 0)) / 1e6

    def skip_old(self, deadline: float) -> list[Taken]:
        old = self._drain()
        for _ in range(self._in_flight):
            if self._wait(deadline):
                old.append(self._frame())
        return old

    def apply(self, values: dict[str, Any]) -> Applied:
        before = self.actual()
        for name, value in self._to_set(values, before).items():
            self._set(name, value)
        actual = self.actual()
        if any(actual.get(name) != before.get(name) for name in SIZE):
            self._begin()
        refused = {name: asked for name, asked in values.items() if not _is_same(name, asked, actual.get(name))}
        return Applied(actual, [_refusal(name, asked, actual.get(name)) for name, asked in refused.items()])

    def _to_set(self, values: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
        """What differs, in the order of `PROPERTIES`; width and height together, as OpenCV wants them."""
        differing = {name for name, value in values.items() if not _is_same(name, value, before.get(name))}
        if SIZE & differing:
            differing |= SIZE
        differing |= AUTOMATIC.keys() & values.keys()
        return {name: values.get(name, before.get(name)) for name in PROPERTIES if name in differing}

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
        if name in AUTOMATIC:
            self._capture.set(*AUTOMATIC[name])
        if name == "exposure_us":
            value = max(1, round(value / EXPOSURE_STEP_US))
        self._capture.set(PROPERTIES[name], value)

    def _begin(self) -> None:
        """Start the stream and take its first frame: `waitAny` works on a running stream only."""
        if not self._capture.grab():
            raise self._silent()
        self._frame()

    def _drain(self) -> list[Taken]:
        old: list[Taken] = []
        while len(old) < MOST_QUEUED and self._has_arrived(0.0):
            old.append(self._frame())
        return old

    def _wait(self, deadline: float) -> bool:
        """Wait for a frame; False when the deadline passed or the wait was interrupted before it."""
        while not self._has_arrived(min(SLICE_S, deadline - self._clock.monotonic())):
            if self._clock.wait(0) or self._clock.monotonic() >= deadline:
                return False
        return True

    def _has_arrived(self, seconds: float) -> bool:
        """Grab a frame that comes in time. OpenCV keeps that one until it is retrieved, and takes 0 for ever."""
        try:
            ready, _ = cv2.VideoCapture.waitAny([self._capture], max(1, int(seconds * 1e9)))
        except cv2.error:
            raise self._silent() from None
        if not ready and not os.path.exists(self._device):
            raise self._silent()
        return bool(ready)

    def _frame(self) -> Taken:
        self._read_at, self._waited_s = self._clock.monotonic(), 0.0
        return Taken(retrieved(self._capture, self.path), self._captured(self._read_at))

    def _captured(self, now: float) -> float | None:
        """When the frame came, by the monotonic clock, as nearly every driver of the kernel says it."""
        stamp = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        return stamp if now - OLDEST_S < stamp <= now else None

    def _silent(self) -> CameraError:
        if os.path.exists(self._device):
            cure = f"{self.path} delivers no frames. Open it again; if it happens often, change its cable or port."
        else:
            cure = f"{self.path} is gone. Plug the camera in again."
        return CameraError(cure, reason="camera_unreachable")


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
