"""V4L2 ioctls of a video device, with the structures and numbers of <linux/videodev2.h>; and the discovery of V4L2
devices, the programs that hold them, and errors of devices that deliver no frames.
https://docs.kernel.org/userspace-api/media/v4l/user-func.html describes each ioctl. All structures consist of 32-bit
numbers and texts, in native byte order."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import struct
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cameras.drivers.base import CameraError
from core.device_holders import ANOTHER_PROGRAM, find_holders, format_holders, format_holders_with_commands

VIDEO_CAPTURE, DEVICE_CAPS = 0x1, 0x80000000
CAPTURE_BUFFERS, MAPPED = 1, 1
DISCRETE = 1
EXPOSURE_AUTO, EXPOSURE_ABSOLUTE = 0x009A0901, 0x009A0902
AUTO_WHITE_BALANCE, AUTOGAIN, GAIN, WHITE_BALANCE_TEMPERATURE = 0x0098090C, 0x00980912, 0x00980913, 0x0098091A
MENU = 3
DISABLED, GRABBED, READ_ONLY, INACTIVE = 0x1, 0x2, 0x4, 0x10
MOST = 512
"""The most formats, sizes or rates that are listed: a kernel driver with more is broken."""
NOT_THERE = frozenset({errno.EINVAL, errno.ENOTTY})
REFUSED = NOT_THERE | {errno.EACCES, errno.EBUSY, errno.EIO, errno.EPERM, errno.EPIPE, errno.ERANGE, errno.EILSEQ}
"""The errors of a control that cannot be set or read now."""


@dataclass(frozen=True, slots=True)
class Call:
    """An ioctl of type 'V'; `layout` is that of its structure."""

    number: int
    layout: str
    write: bool = True

    @property
    def request(self) -> int:
        direction = 3 if self.write else 2
        return direction << 30 | struct.calcsize(self.layout) << 16 | ord("V") << 8 | self.number


QUERYCAP = Call(0, "=16s32s32s6I", write=False)
ENUM_FMT = Call(2, "=3I32s5I")
REQBUFS = Call(8, "=5I")
G_CTRL, S_CTRL = Call(27, "=Ii"), Call(28, "=Ii")
QUERYCTRL = Call(36, "=2I32s4i3I")
QUERYMENU = Call(37, "=2I32sI")
ENUM_FRAMESIZES, ENUM_FRAMEINTERVALS = Call(74, "=11I"), Call(75, "=13I")


@dataclass(frozen=True, slots=True)
class Card:
    """A device's name, and whether it captures pictures: many cameras have a second device for metadata."""

    name: str
    captures: bool


@dataclass(frozen=True, slots=True)
class Control:
    """A control's range, in the kernel's units."""

    id: int
    kind: int
    minimum: int
    maximum: int
    step: int
    default: int
    flags: int

    @property
    def locked(self) -> bool:
        """Read-only, or controlled by an automatic mode now."""
        return bool(self.flags & (READ_ONLY | GRABBED | INACTIVE))

    def nearest(self, value: float) -> int:
        step = max(1, self.step)
        # Steps count from the minimum, and the maximum need not lie on one.
        low = min(max(value, self.minimum), self.maximum) - self.minimum
        return self.minimum + min(round(low / step), (self.maximum - self.minimum) // step) * step


@dataclass(frozen=True, slots=True)
class Span:
    """A range of pixels: every `step` from `least` to `most`."""

    least: int
    most: int
    step: int = 1

    def nearest(self, value: int) -> int:
        step = max(1, self.step)
        inside = min(max(value, self.least), self.most)
        return self.least + round((inside - self.least) / step) * step


@dataclass(frozen=True, slots=True)
class Rates:
    """Frames per second, ascending: all rates, or with `between` the slowest and the fastest."""

    values: tuple[float, ...] = ()
    between: bool = False


class Node:
    """A second open file of the device, besides OpenCV's: several programs may query it and set its controls.

    The calls raise OSError: ENODEV when the device is gone.
    """

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def close(self) -> None:
        """Idempotent."""
        # Before the closing: a second `close` must not close a descriptor that has got the same number.
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def card(self) -> Card:
        _, name, _, _, capabilities, device_capabilities, *_ = self._call(QUERYCAP, b"", b"", b"", *[0] * 6)
        # `capabilities` are those of all nodes of the camera together, also of its metadata node.
        effective = device_capabilities if capabilities & DEVICE_CAPS else capabilities
        return Card(name.split(b"\0")[0].decode("utf-8", "replace").strip(), bool(effective & VIDEO_CAPTURE))

    def busy(self) -> bool:
        """Whether another program streams. Only the streaming program may request buffers. This call requests zero
        buffers, to find out."""
        try:
            self._call(REQBUFS, 0, CAPTURE_BUFFERS, MAPPED, 0, 0)
        except OSError as error:
            return error.errno == errno.EBUSY
        return False

    def control(self, number: int) -> Control | None:
        found = self._found(QUERYCTRL, number, 0, b"", 0, 0, 0, 0, 0, 0, 0)
        if found is None or found[7] & DISABLED:
            return None
        return Control(number, found[1], *found[3:8])

    def menu(self, control: Control) -> list[int]:
        """The menu entries that the camera supports."""
        # The limit, because the range comes from the device.
        entries = range(control.minimum, min(control.maximum, control.minimum + MOST) + 1)
        return [entry for entry in entries if self._found(QUERYMENU, control.id, entry, b"", 0)]

    def value(self, number: int) -> int | None:
        """None if the camera does not report it."""
        try:
            return int(self._call(G_CTRL, number, 0)[1])
        except OSError as error:
            if error.errno in REFUSED:
                return None
            raise

    def set(self, number: int, value: int) -> None:
        """Set a value; the camera keeps its own if it refuses this one."""
        try:
            self._call(S_CTRL, number, value)
        except OSError as error:
            if error.errno not in REFUSED:
                raise

    def formats(self) -> list[str]:
        """The pixel formats as four-character codes."""
        listed = self._listed(ENUM_FMT, CAPTURE_BUFFERS, 0, b"", 0, 0, 0, 0, 0)
        return [found[4].to_bytes(4, "little").decode("latin-1") for found in listed]

    def sizes(self, pixels: str) -> list[tuple[Span, Span]]:
        """The supported pairs of widths and heights."""
        found = self._listed(ENUM_FRAMESIZES, _number(pixels), *[0] * 9)
        return [_size(kind, numbers) for _, _, kind, *numbers in found]

    def rates(self, pixels: str, width: int, height: int) -> Rates:
        """The frame rates of that size."""
        found = [(kind, numbers) for _, _, _, _, kind, *numbers in self._intervals(pixels, width, height)]
        values = sorted({rate for kind, numbers in found for rate in _rates(kind, numbers)})
        return Rates(tuple(values), between=any(kind != DISCRETE for kind, _ in found))

    def _intervals(self, pixels: str, width: int, height: int) -> Iterator[tuple[Any, ...]]:
        return self._listed(ENUM_FRAMEINTERVALS, _number(pixels), width, height, *[0] * 9)

    def _listed(self, call: Call, *rest: Any) -> Iterator[tuple[Any, ...]]:
        for index in range(MOST):
            found = self._found(call, index, *rest)
            if found is None:
                return
            yield found

    def _found(self, call: Call, *values: Any) -> tuple[Any, ...] | None:
        """None if the device does not have it."""
        try:
            return self._call(call, *values)
        except OSError as error:
            # EINVAL is also how the kernel ends an enumeration.
            if error.errno in NOT_THERE:
                return None
            raise

    def _call(self, call: Call, *values: Any) -> tuple[Any, ...]:
        buffer = bytearray(struct.pack(call.layout, *values))
        fcntl.ioctl(self._file, call.request, buffer)
        return struct.unpack(call.layout, buffer)


@contextmanager
def open_node(path: str) -> Iterator[Node]:
    """The device's file, closed afterwards. OSError if it cannot be opened."""
    node = Node(path)
    try:
        yield node
    finally:
        node.close()


def _number(pixels: str) -> int:
    return int.from_bytes(pixels.encode("latin-1"), "little")


def _size(kind: int, numbers: list[int]) -> tuple[Span, Span]:
    if kind == DISCRETE:
        return Span(numbers[0], numbers[0]), Span(numbers[1], numbers[1])
    return Span(*numbers[:3]), Span(*numbers[3:6])


def _rates(kind: int, numbers: list[int]) -> list[float]:
    """Rates from frame intervals, which are fractions of a second: one, or the shortest and the longest."""
    fractions = [numbers[:2]] if kind == DISCRETE else [numbers[:2], numbers[2:4]]
    return [round(below / above, 3) for above, below in fractions if above and below]


REAL = re.compile(r"/dev/video\d+")
BY_ID = "/dev/v4l/by-id"


def attached_devices(held: Collection[str] = ()) -> list[dict[str, str]]:
    """The devices of this machine that give pictures, with their persistent names in `/dev/v4l/by-id` where they have
    one. Those at a location in `held` are not opened."""
    names = sorted(os.listdir(BY_ID)) if os.path.isdir(BY_ID) else []
    # Reversed, so that of several names for one device the first in alphabetical order remains.
    persistent = {os.path.realpath(f"{BY_ID}/{name}"): f"{BY_ID}/{name}" for name in reversed(names)}
    devices = sorted(f"/dev/{name}" for name in os.listdir("/dev") if REAL.fullmatch(f"/dev/{name}"))
    found = {device: _list_device(device) if device in held else _describe_device(device) for device in devices}
    return [
        {**description, "address": persistent.get(device, device)}
        for device, description in found.items()
        if description
    ]


def _describe_device(device: str) -> dict[str, str] | None:
    """None for a device that gives no pictures. With `held_by` if another program streams from it."""
    try:
        with open_node(device) as node:
            card, busy = node.card(), node.busy()
    except OSError as error:
        # A device that cannot be queried is still listed: it may be a camera that lacks permissions or is in use.
        card, busy = None, error.errno == errno.EBUSY
    if card is not None and not card.captures:
        return None
    description = _list_device(device) if card is None else {"model": card.name, "serial": ""}
    return {**description, "held_by": format_holders(find_holders(device)) or ANOTHER_PROGRAM} if busy else description


def _list_device(device: str) -> dict[str, str]:
    """What the kernel lists, without opening the device."""
    number = os.path.basename(device)
    try:
        with open(f"/sys/class/video4linux/{number}/name", encoding="utf-8", errors="replace") as file:
            return {"model": file.read().strip(), "serial": ""}
    except OSError:
        return {"model": "", "serial": ""}


def device_node(path: str) -> str:
    """The `/dev/videoN` behind a device's path; CameraError when it is missing or may not be used."""
    found = os.path.realpath(path)
    if not os.path.exists(found):
        raise CameraError(
            f"There is no device {path}. Plug the camera in, or find its name in {BY_ID}.",
            reason="camera_unreachable",
        )
    # The address was checked, but not where its link below /dev/v4l leads.
    if not REAL.fullmatch(found):
        raise CameraError(f"{path} is not a video device. Give /dev/video0 or {BY_ID}/...", permanent=True)
    if not os.access(found, os.R_OK | os.W_OK):
        raise CameraError(f"Skycam may not use {path}. Add the user that runs Skycam to the group `video`.")
    return found


def start_error(path: str, found: str) -> CameraError:
    """The error of a device `found` (at `path`) that OpenCV could not start."""
    try:
        with open_node(found) as node:
            pictures, busy = node.card().captures, node.busy()
    except OSError as error:
        # OpenCV reports no cause, so the device is queried after it has failed.
        pictures, busy = True, error.errno == errno.EBUSY
    if busy:
        return _held_error(path, found)
    if not pictures:
        return CameraError(
            f"{path} gives no pictures: it is another device of the same camera. "
            "`skycam cameras detect` lists the one that gives pictures.",
            permanent=True,
        )
    return CameraError(
        f"{path} could not be started: OpenCV reads none of its pixel formats, or it is faulty. Plug it in again, "
        f"and check it with `v4l2-ctl -d {found} --list-formats-ext`.",
        reason="camera_unreachable",
    )


def _held_error(path: str, found: str) -> CameraError:
    listed = format_holders_with_commands(find_holders(found))
    holder = f"by {listed}" if listed else f"by {ANOTHER_PROGRAM}. Close it; `sudo fuser -v {found}` names it"
    return CameraError(f"{path} is held {holder}.", reason="camera_held")


def read_error(path: str, found: str) -> CameraError:
    """The error of an open device that delivers no frames."""
    if os.path.exists(found):
        message = f"{path} delivers no frames. Open it again; if it happens often, change its cable or port."
    else:
        message = f"{path} is gone. Plug the camera in again."
    return CameraError(message, reason="camera_unreachable")
