"""A V4L2 device, such as a USB camera or a capture card, and the mapping of our settings to its controls."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from cameras.drivers.base import Applied, Clock, FrameData, SettingRange, remaining
from cameras.drivers.opencv import v4l2_devices
from cameras.drivers.opencv.reader import Reader
from cameras.drivers.opencv.stream import Modes, Stream
from cameras.drivers.opencv.v4l2_devices import Control, Node

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
        self._device = v4l2_devices.device_node(path)
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


@dataclass(frozen=True, slots=True)
class Setting:
    """One kernel unit is `scale` of ours. `automatic` is the control of the camera's automatic mode, and
    `manual` its values for manual mode, the best first."""

    control: int
    unit: str
    automatic: int
    manual: tuple[int, ...]
    scale: int = 1


SETTINGS = {
    "exposure_us": Setting(v4l2_devices.EXPOSURE_ABSOLUTE, "µs", v4l2_devices.EXPOSURE_AUTO, manual=(1, 2), scale=100),
    "gain": Setting(v4l2_devices.GAIN, "", v4l2_devices.AUTOGAIN, manual=(0,)),
    "white_balance_k": Setting(
        v4l2_devices.WHITE_BALANCE_TEMPERATURE, "K", v4l2_devices.AUTO_WHITE_BALANCE, manual=(0,)
    ),
}
"""The kernel counts exposures in 100 µs. 1 is V4L2_EXPOSURE_MANUAL and 2 V4L2_EXPOSURE_SHUTTER_PRIORITY."""


class Controls:
    """Read and set while OpenCV reads frames; the kernel allows both. Raises OSError."""

    def __init__(self, node: Node) -> None:
        self._node = node
        found = {name: node.control(setting.control) for name, setting in SETTINGS.items()}
        self._present: dict[str, Control] = {name: control for name, control in found.items() if control}
        # Some devices list controls that cannot be read; they count as absent.
        self._present = {name: self._present[name] for name in self.actual()}

    def actual(self) -> dict[str, int]:
        """The values that the camera reports."""
        found = {name: self._node.value(control.id) for name, control in self._present.items()}
        return {name: value * SETTINGS[name].scale for name, value in found.items() if value is not None}

    def ranges(self) -> dict[str, SettingRange]:
        return {name: self._range(name, control) for name, control in self._present.items()}

    def set(self, name: str, value: float) -> None:
        """Set the nearest value, and end the automatic mode. Nothing happens if the camera has no such control."""
        control = self._present.get(name)
        if control is None:
            return
        setting = SETTINGS[name]
        # First, because a value that an automatic mode controls is refused, or overwritten by the camera.
        manual = self._manual_value(setting)
        if manual is not None and self._node.value(setting.automatic) not in setting.manual:
            self._node.set(setting.automatic, manual)
        self._node.set(control.id, control.nearest(value / setting.scale))

    @contextmanager
    def restored_afterwards(self, names: Iterable[str]) -> Iterator[None]:
        """Restore these settings and their automatic modes afterwards."""
        numbers = [number for name in names if name in self._present for number in self._numbers(SETTINGS[name])]
        before = {number: self._node.value(number) for number in numbers}
        try:
            yield
        finally:
            # In the order of `_numbers`: the value while its mode is still manual, then the mode.
            for number, value in before.items():
                if value is not None and self._node.value(number) != value:
                    self._node.set(number, value)

    def _numbers(self, setting: Setting) -> list[int]:
        """The control and its automatic mode's."""
        return [setting.control, *([setting.automatic] if self._node.control(setting.automatic) else [])]

    def _range(self, name: str, known: Control) -> SettingRange:
        setting = SETTINGS[name]
        # Queried again: the flags change with the automatic mode.
        control = self._node.control(known.id) or known
        fixed = control.flags & v4l2_devices.READ_ONLY or (control.locked and self._manual_value(setting) is None)
        step = max(1, control.step)
        limits: dict[str, Any] = {"minimum": control.minimum, "maximum": control.maximum, "step": step}
        scaled = {limit: value * setting.scale for limit, value in limits.items()}
        return SettingRange(setting.unit, **scaled, read_only=bool(fixed))

    def _manual_value(self, setting: Setting) -> int | None:
        """The value for manual mode; None if the camera has none."""
        mode = self._node.control(setting.automatic)
        if mode is None or mode.flags & v4l2_devices.READ_ONLY:
            return None
        offered = self._node.menu(mode) if mode.kind == v4l2_devices.MENU else [0, 1]
        return next((value for value in setting.manual if value in offered), None)
