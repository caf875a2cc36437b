"""A V4L2 device: a USB camera, a capture card."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from cameras.drivers.base import Applied, Clock, FrameData, SettingRange, remaining
from cameras.drivers.opencv import discovery
from cameras.drivers.opencv.controls import SETTINGS, Controls
from cameras.drivers.opencv.modes import Modes
from cameras.drivers.opencv.reader import Reader
from cameras.drivers.opencv.stream import Stream
from cameras.drivers.opencv.v4l2 import Node

IN_FLIGHT, SETTLING = 1, 3
"""Frames to skip for a still: the exposure of the first frame began before the request, and new settings take effect
some frames later."""
PICTURE = ("width", "height", "fps")
"""Changing these restarts the stream; all others are controls."""


class VideoDevice:
    """`_last_requested` is the last requested picture size and rate: the stream is not restarted twice for a value that
    the device does not have."""

    def __init__(self, path: str, clock: Clock, deadline: float) -> None:
        self.path, self._clock = path, clock
        remaining(clock, deadline)
        self._device = discovery.device_node(path)
        # Until the reader exists, nothing else closes the device after an error; then its thread does.
        with ExitStack() as undo:
            self._stream = Stream(path, self._device)
            undo.callback(self._stream.close)
            self._node = Node(self._device)
            undo.callback(self._node.close)
            self.model = self._node.card().name
            self._controls, self._modes = Controls(self._node), Modes(self._node)
            self._picture, self._last_requested = self._stream.actual(), dict[str, Any]()
            self._reader = Reader(self._stream, clock, self._interval_s())
            undo.pop_all()
        self._of_stream = ExitStack()
        """Restores what the settings of the stream have replaced."""
        self._replaced: frozenset[str] = frozenset()

    def close(self) -> None:
        with suppress(OSError):
            self.use_for_stream({})
        # Not the stream: its reading thread closes it, when a read that may hang has returned.
        self._reader.close()
        self._node.close()

    def check_present(self) -> None:
        if self._reader.failure is not None:
            raise self._reader.failure
        # Unplugging removes the node at once; the reading thread notices it only after a read.
        if not os.path.exists(self._device):
            raise self._stream.read_error()

    def next_frame(self, deadline: float) -> FrameData | None:
        return self._reader.next_frame(deadline)

    def next_still(self, deadline: float) -> FrameData | None:
        return self._reader.next_still(self._in_flight, deadline)

    def apply(self, values: dict[str, Any], deadline: float) -> Applied:
        before = self.actual()
        picture = {name: values.get(name, before.get(name)) for name in PICTURE}
        differs = any(not _is_same(name, value, before.get(name)) for name, value in picture.items())
        # A restart takes up to 2 s, without frames.
        if differs and picture != self._last_requested:
            self._picture, self._last_requested = (
                # On the reading thread, because OpenCV's capture must not be used by two threads.
                self._reader.between_reads(lambda: self._restart(picture), deadline),
                picture,
            )
        for name, value in values.items():
            self._controls.set(name, value)
        actual = self.actual()
        self._reader.interval_s = self._interval_s()
        differing = {
            name: requested for name, requested in values.items() if not _is_same(name, requested, actual.get(name))
        }
        return Applied(
            actual, [_setting_warning(name, requested, actual.get(name)) for name, requested in differing.items()]
        )

    def use_for_stream(self, values: dict[str, Any]) -> None:
        self._of_stream.close()
        self._replaced = frozenset()
        if values:
            self._of_stream.enter_context(self._controls.restored_afterwards(values))
            self._replaced = frozenset(values)
        for name, value in values.items():
            self._controls.set(name, value)

    def own(self) -> dict[str, Any]:
        """The settings as read back, without those that are the stream's only."""
        return {name: value for name, value in self.actual().items() if name not in self._replaced}

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
        # `fps` is missing for a device that reports no rate.
        return 1 / float(actual.get("fps") or 1.0) + float(actual.get("exposure_us", 0)) / 1e6

    @contextmanager
    def overridden(self, values: dict[str, Any], deadline: float) -> Iterator[Applied]:
        """`values` are controls: the stream is not restarted for a still."""
        self._in_flight = SETTLING if values else IN_FLIGHT
        with self._controls.restored_afterwards(values):
            yield self.apply(values, deadline)


def _is_same(name: str, requested: Any, actual: Any) -> bool:
    """Whether they are equal within the kernel's resolution."""
    scale = SETTINGS[name].scale if name in SETTINGS else 0
    return actual is not None and abs(requested - actual) <= max(0.01, scale / 2 if scale > 1 else 0)


def _setting_warning(name: str, requested: float, actual: float | None) -> str:
    if actual is None:
        return f"This camera has no {name}; {requested:g} was requested."
    return f"This camera has {name} {actual:g}; {requested:g} was requested."
