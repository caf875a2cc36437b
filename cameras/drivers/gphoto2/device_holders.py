"""Programs that hold a camera which libgphoto2 could not claim, and how to stop them."""

from __future__ import annotations

from collections.abc import Iterator

from core import device_holders as processes
from core.device_holders import CameraDevice, DeviceHolder

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
