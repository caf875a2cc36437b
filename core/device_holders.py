"""Programs that have a device open, cameras of Skycam among them, as far as /proc shows them to this user.
Django-free."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from core.camera_claims import claims, key_of

ANOTHER_PROGRAM = "another program"
"""A program whose processes this user may not inspect."""
NONE: Mapping[str, str] = MappingProxyType({})


class CameraDevice(NamedTuple):
    kind: str
    location: str
    """`device_location` of the driver that has it open."""


@dataclass(frozen=True, slots=True)
class DeviceHolder:
    pid: int
    name: str
    stop: str
    """The command that makes it release the device; empty for a camera of Skycam, which is not ended by a command."""

    @property
    def remedy(self) -> str:
        """As a part of a sentence."""
        return f"stop it with `{self.stop}`" if self.stop else "remove one of the two cameras"


def find_holders(
    node: str, suspects: Mapping[str, str] = NONE, camera: CameraDevice | None = None
) -> Iterator[DeviceHolder]:
    """Other processes that have the device node open (empty: no node), and cameras of Skycam that have the `camera`
    open. `suspects` (program name -> command that stops it) are listed in any case."""
    claimed = {claim.pid: claim for claim in claims()}
    key = key_of(*camera) if camera else ""
    # A process may end at any moment of this loop, so each of the reads below may fail.
    for pid in (int(entry) for entry in os.listdir("/proc") if entry.isdecimal()):
        # This process may have the device open itself.
        if pid == os.getpid():
            continue
        name, claim = _program(pid), claimed.get(pid)
        if claim is not None and (claim.key == key or (node and _has_open(pid, node))):
            yield DeviceHolder(pid, f"the camera {claim.slug} of Skycam", "")
        elif name in suspects or (node and _has_open(pid, node)):
            yield DeviceHolder(pid, name, suspects.get(name, f"kill {pid}"))


def format_holders(found: Iterable[DeviceHolder]) -> str:
    """`cheese (pid 77), ffmpeg (pid 78)`."""
    return ", ".join(f"{holder.name} (pid {holder.pid})" for holder in found)


def format_holders_with_commands(found: Iterable[DeviceHolder]) -> str:
    """``cheese (pid 77; stop it with `kill 77`)``."""
    return ", ".join(f"{holder.name} (pid {holder.pid}; {holder.remedy})" for holder in found)


def usb_device_node(serial: str, sysfs: Path = Path("/sys")) -> str:
    """The device node of the USB device with this serial number, as `/dev/bus/usb/001/004`; empty for none."""
    for file in (sysfs / "bus" / "usb" / "devices").glob("*/serial"):
        with contextlib.suppress(OSError, ValueError):
            if _text(file) == serial:
                bus, number = (int(_text(file.with_name(name))) for name in ("busnum", "devnum"))
                return f"/dev/bus/usb/{bus:03}/{number:03}"
    return ""


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace").strip()


def _program(pid: int) -> str:
    """The program's name; empty for a process that has ended or may not be inspected."""
    # Not `comm`: the kernel cuts it to 15 characters, and gvfs-gphoto2-volume-monitor is longer.
    with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as cmdline:
        return os.path.basename(os.fsdecode(cmdline.read(4096).split(b"\0")[0]))
    return ""


def _has_open(pid: int, node: str) -> bool:
    with contextlib.suppress(OSError):
        # Of other users' processes the kernel lists no descriptors (PermissionError).
        return any(_target(f"/proc/{pid}/fd/{number}") == node for number in os.listdir(f"/proc/{pid}/fd"))
    return False


def _target(link: str) -> str:
    with contextlib.suppress(OSError):
        return os.readlink(link)
    return ""
