"""The messages for libgphoto2's error codes, and which programs have a camera open: other programs, with how to stop
them, and Skycam's own processes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
from collections.abc import Iterator
from typing import Literal

from cameras.drivers.base import CameraError
from core import device_holders as processes
from core.device_holders import CameraDevice, DeviceHolder

Reason = Literal["camera_error", "camera_unreachable", "camera_held"]

# Numbers and not the library's names: importing gphoto2 is slow, and only `session.library` does it.
UNSUPPORTED = -6
CLAIMED = frozenset({-53, -60})  # GP_ERROR_IO_USB_CLAIM, GP_ERROR_IO_LOCK
ABSENT = frozenset({-52, -105})  # GP_ERROR_IO_USB_FIND (with port and model preset), GP_ERROR_MODEL_NOT_FOUND
CONNECTION_BROKEN = frozenset({-7, -10, -34, -35})  # GP_ERROR_IO, _TIMEOUT, _IO_READ, _IO_WRITE
NOT_ON_CARD = frozenset({-107, -108})
"""The folder or file is not on the card."""
NO_WIDGET = frozenset({-1, -2, -6})
"""A setting that this camera does not have, or that cannot be read or set."""

CHECK_CABLE = "Check that it is switched on and awake, its cable, and that it is in PTP (not mass storage) mode."

SENTENCES = {
    -3: "The camera, or libgphoto2, is out of memory: empty its card, or switch it off and on.",
    UNSUPPORTED: "The camera does not support this over USB; see libgphoto2's list of supported cameras.",
    -107: "The camera no longer has the folder of the picture: its card was changed or emptied.",
    -108: "The camera no longer has the picture: its card was changed or emptied.",
    -110: "The camera is busy: leave its menus and picture review, and try again.",
    -112: "The camera cancelled the operation: check its display.",
    -113: "The camera reports a fault of its own: check its display.",
    -115: "The camera's card is full. Empty it, or set capture_target to memory.",
}
UNKNOWN = "The camera reports an unspecified error: check its display (focus, card, battery, mode dial)."


def camera_error(code: int, port: str, *, gone: bool = False, before_shutter: bool = False) -> CameraError:
    """The CameraError of a code. `gone`: the camera is no longer listed at `port`."""
    # `gone` first: after unplugging, the codes are those of other causes, such as -2 of a missing setting.
    if gone or code in ABSENT:
        sentence, reason = f"The camera at {port} does not answer. {CHECK_CABLE}", _UNREACHABLE
    elif code in CLAIMED:
        sentence, reason = held_sentence(port), _HELD
    elif code in CONNECTION_BROKEN:
        sentence, reason = f"The connection to the camera at {port} was lost. {CHECK_CABLE}", _UNREACHABLE
    else:
        sentence, reason = SENTENCES.get(code, UNKNOWN), _ERROR
    return CameraError(
        f"{sentence} (libgphoto2 error {code})",
        reason=reason,
        # -6 of a camera that is gone says nothing about the one that is plugged in next.
        permanent=code == UNSUPPORTED and not gone,
        before_shutter=before_shutter,
    )


_UNREACHABLE: Reason = "camera_unreachable"
_HELD: Reason = "camera_held"
_ERROR: Reason = "camera_error"


DESKTOP = {
    "gvfs-gphoto2-volume-monitor": "systemctl --user mask --now gvfs-gphoto2-volume-monitor",
    "gvfsd-gphoto2": "gio mount --unmount-scheme gphoto2",
}
"""The parts of a desktop session that open every camera, and the command that stops each."""


def held_sentence(port: str) -> str:
    """A sentence: which program probably holds the camera at `port` (`usb:BUS,DEVICE`), and how to stop it."""
    held = f"The camera at {port} is held by another process"
    listed = processes.format_holders_with_commands(find_holders(port))
    if not listed:
        return (
            f"{held}. Close programs that may use it (a file manager, gphoto2, Entangle); `fuser -v"
            f" {device_node(port)}` names it."
        )
    return f"{held}, probably {listed}."


def device_node(port: str) -> str:
    """`usb:001,004` is /dev/bus/usb/001/004."""
    return "/dev/bus/usb/" + port.removeprefix("usb:").replace(",", "/")


def find_holders(port: str) -> Iterator[DeviceHolder]:
    """The processes that have the camera at `port` open, as far as /proc shows them, and the desktop's camera parts."""
    # The desktop's parts are suspects even without an open file that is visible here: they run as the desktop's user,
    # whose file descriptors a service user cannot list.
    return processes.find_holders(device_node(port), DESKTOP, CameraDevice("gphoto2", port))


class Claim:
    """While it exists, until `end`, `is_claimed(port)` is true on this machine."""

    def __init__(self, port: str) -> None:
        # A datagram socket needs neither listen() nor a thread that accepts: to be bound is the whole claim. The kernel
        # removes it on SIGKILL too, so no stale claim can remain as with a lock file.
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        # Not an error: the claim only advises Skycam's own processes. libgphoto2's claim of the USB interface (-53)
        # decides.
        with contextlib.suppress(OSError):  # another process has claimed it already
            self._socket.bind(_socket_name(port))

    def end(self) -> None:
        self._socket.close()


def is_claimed(port: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        return probe.connect_ex(_socket_name(port)) == 0


def _socket_name(port: str) -> str:
    """An abstract name: it begins with a zero byte and is not a file. The name includes
    the port libraries, because other libraries have other cameras."""
    seen = "\0".join([os.environ.get("IOLIBS", ""), os.environ.get("VCAMERADIR", ""), port])
    return f"\0skycam-gphoto2-{hashlib.sha256(seen.encode()).hexdigest()[:32]}"
