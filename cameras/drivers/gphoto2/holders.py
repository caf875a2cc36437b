"""Who holds a camera that libgphoto2 could not claim: what /proc shows, and how to stop it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

DESKTOP = {
    "gvfs-gphoto2-volume-monitor": "systemctl --user mask --now gvfs-gphoto2-volume-monitor",
    "gvfsd-gphoto2": "gio mount --unmount-scheme gphoto2",
}
"""The parts of a desktop session that take every camera, and the command that makes each let go."""


@dataclass(frozen=True, slots=True)
class Holder:
    pid: int
    name: str

    @property
    def stop(self) -> str:
        return DESKTOP.get(self.name, f"kill {self.pid}")


def held_sentence(port: str) -> str:
    """Who probably holds the camera at `port` (`usb:BUS,DEVICE`), and how to stop it."""
    held = f"The camera at {port} is held by another process"
    node = device_node(port)
    found = list(holders(node))
    if not found:
        return f"{held}. Close what may use it (a file manager, gphoto2, Entangle); `fuser -v {node}` names it."
    listed = ", ".join(f"{holder.name} (pid {holder.pid}; stop it with `{holder.stop}`)" for holder in found)
    return f"{held}, probably {listed}."


def device_node(port: str) -> str:
    """`usb:001,004` is /dev/bus/usb/001/004."""
    return "/dev/bus/usb/" + port.removeprefix("usb:").replace(",", "/")


def holders(node: str) -> Iterator[Holder]:
    """The processes that have the device node open, as far as they may be read, and the desktop's camera parts."""
    for pid in (int(entry) for entry in os.listdir("/proc") if entry.isdecimal()):
        name = _program(pid)
        if pid != os.getpid() and (name in DESKTOP or _has_open(pid, node)):
            yield Holder(pid, name)


def _program(pid: int) -> str:
    """The name of the program; empty for a process that has ended or may not be read."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as cmdline:
        return os.path.basename(os.fsdecode(cmdline.read(4096).split(b"\0")[0]))
    return ""


def _has_open(pid: int, node: str) -> bool:
    with contextlib.suppress(OSError):
        return any(_target(f"/proc/{pid}/fd/{number}") == node for number in os.listdir(f"/proc/{pid}/fd"))
    return False


def _target(link: str) -> str:
    with contextlib.suppress(OSError):
        return os.readlink(link)
    return ""
