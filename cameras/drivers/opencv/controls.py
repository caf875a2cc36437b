"""The mapping of our settings to V4L2 controls, with units and ranges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cameras.drivers.base import SettingRange
from cameras.drivers.opencv import v4l2
from cameras.drivers.opencv.v4l2 import Control, Node


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
    "exposure_us": Setting(v4l2.EXPOSURE_ABSOLUTE, "µs", v4l2.EXPOSURE_AUTO, manual=(1, 2), scale=100),
    "gain": Setting(v4l2.GAIN, "", v4l2.AUTOGAIN, manual=(0,)),
    "white_balance_k": Setting(v4l2.WHITE_BALANCE_TEMPERATURE, "K", v4l2.AUTO_WHITE_BALANCE, manual=(0,)),
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
        fixed = control.flags & v4l2.READ_ONLY or (control.locked and self._manual_value(setting) is None)
        step = max(1, control.step)
        limits: dict[str, Any] = {"minimum": control.minimum, "maximum": control.maximum, "step": step}
        scaled = {limit: value * setting.scale for limit, value in limits.items()}
        return SettingRange(setting.unit, **scaled, read_only=bool(fixed))

    def _manual_value(self, setting: Setting) -> int | None:
        """The value for manual mode; None if the camera has none."""
        mode = self._node.control(setting.automatic)
        if mode is None or mode.flags & v4l2.READ_ONLY:
            return None
        offered = self._node.menu(mode) if mode.kind == v4l2.MENU else [0, 1]
        return next((value for value in setting.manual if value in offered), None)
