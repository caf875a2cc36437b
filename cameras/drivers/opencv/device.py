"""A V4L2 device: a USB camera, a capture card."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from cameras.drivers.base import Applied, Clock, FrameData, SettingRange, remaining
from cameras.drivers.opencv import discovery
from cameras.drivers.opencv.controls import SETTINGS, Controls
from cameras.drivers.opencv.modes import Modes
from cameras.drivers.opencv.reader import Reader
from cameras.drivers.opencv.stream import Stream
from cameras.drivers.opencv.v4l2 import Node

IN_FLIGHT, SETTLING = 1, 3
"""Frames to skip for a still: the first frame after a request was exposed before it, and new settings need some frames
more."""
PICTURE = ("width", "height", "fps")
"""Changing these restarts the stream; all others are controls."""


class VideoDevice:
    """`_tried` is the last requested picture size and rate: the stream is not restarted twice for one that the device
    does not have."""

    def __init__(self, path: str, clock: Clock, deadline: float) -> None:
        self.path, self._clock = path, clock
        remaining(clock, deadline)
        self._device = discovery.device_node(path)
        with ExitStack() as undo:
            self._stream = Stream(path, self._device)
            undo.callback(self._stream.close)
            self._node = Node(self._device)
            undo.callback(self._node.close)
            self.model = self._node.card().name
            self._controls, self._modes = Controls(self._node), Modes(self._node)
            self._picture, self._tried = self._stream.actual(), dict[str, Any]()
            self._reader = Reader(self._stream, clock, self._interval_s())
            undo.pop_all()

    def close(self) -> None:
        self._reader.close()
        self._node.close()

    def check_present(self) -> None:
        if self._reader.trouble is not None:
            raise self._reader.trouble
        if not os.path.exists(self._device):
            raise self._stream.trouble()

    def next_frame(self, deadline: float) -> FrameData | None:
        return self._reader.next_frame(deadline)

    def next_still(self, deadline: float) -> FrameData | None:
        return self._reader.next_still(self._in_flight, deadline)

    def apply(self, values: dict[str, Any], deadline: float) -> Applied:
        before = self.actual()
        picture = {name: values.get(name, before.get(name)) for name in PICTURE}
        differs = any(not _is_same(name, value, before.get(name)) for name, value in picture.items())
        if differs and picture != self._tried:
            self._picture, self._tried = self._reader.between_reads(lambda: self._restart(picture), deadline), picture
        for name, value in values.items():
            self._controls.set(name, value)
        actual = self.actual()
        self._reader.interval_s = self._interval_s()
        refused = {name: asked for name, asked in values.items() if not _is_same(name, asked, actual.get(name))}
        return Applied(actual, [_refusal(name, asked, actual.get(name)) for name, asked in refused.items()])

    def actual(self) -> dict[str, Any]:
        return {name: value for name, value in self._picture.items() if value > 0} | self._controls.actual()

    def ranges(self) -> dict[str, SettingRange]:
        found = self._modes.ranges() | self._controls.ranges()
        return {name: found[name] for name in self.actual()}

    def _restart(self, picture: dict[str, Any]) -> dict[str, float]:
        """On the reading thread: set the nearest size and rate that the device has."""
        fps = picture["fps"] or 0.0
        nearest = self._modes.nearest(picture["width"], picture["height"], fps)
        self._stream.set(nearest, fps or None)
        return self._stream.actual()

    def _interval_s(self) -> float:
        """Seconds from one frame to the next, at most."""
        actual = self.actual()
        return 1 / float(actual.get("fps") or 1.0) + float(actual.get("exposure_us", 0)) / 1e6

    @contextmanager
    def overridden(self, values: dict[str, Any], deadline: float) -> Iterator[Applied]:
        """`values` are controls: the stream is not restarted for a still."""
        self._in_flight = SETTLING if values else IN_FLIGHT
        with self._controls.kept(values):
            yield self.apply(values, deadline)


def _is_same(name: str, asked: Any, actual: Any) -> bool:
    """Whether they are equal within the kernel's resolution."""
    unit = SETTINGS[name].scale if name in SETTINGS else 0
    return actual is not None and abs(asked - actual) <= max(0.01, unit / 2 if unit > 1 else 0)


def _refusal(name: str, asked: float, actual: float | None) -> str:
    if actual is None:
        return f"This camera has no {name}; {asked:g} was asked."
    return f"This camera has {name} {actual:g}; {asked:g} was asked."
