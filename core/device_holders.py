"""Who has a device open: cameras of Skycam, which say so by a name in Linux's abstract namespace, and other programs,
as far as /proc shows them to this user. Django-free."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import socket
import weakref
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

NAMES = "/proc/net/unix"
MOST_CHARACTERS = 4_194_304
NAME = re.compile(r"@skycam-camera/([0-9]{1,10})/([a-z0-9-]{1,60})/([0-9a-f]{16})")


class Claim(NamedTuple):
    pid: int
    slug: str
    key: str
    """`key_of` the device."""


class CameraClaim:
    """Of this process, for its camera."""

    def __init__(self, slug: str, kind: str) -> None:
        self._slug, self._kind = slug, kind
        self._name: weakref.finalize[..., CameraClaim] | None = None

    def hold(self, location: str) -> None:
        """The camera is open at this `device_location` of its driver, which may be empty. A name that cannot be bound
        costs a sentence, and nothing else."""
        self.release()
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            claim.bind(f"\0skycam-camera/{os.getpid()}/{self._slug}/{key_of(self._kind, location)}".encode())
        except OSError:
            claim.close()
        else:
            self._name = weakref.finalize(self, claim.close)

    def release(self) -> None:
        """Idempotent."""
        if self._name is not None:
            self._name()
            self._name = None


def key_of(kind: str, location: str) -> str:
    """Of a device: a name has room for about 60 characters, and the path of a device may be longer."""
    return hashlib.sha256(f"{kind}:{location}".encode()).hexdigest()[:16]


def claims() -> list[Claim]:
    """Of all users. Any program of the machine can bind such a name, so it is only good for a sentence."""
    lines: list[str] = []
    with contextlib.suppress(OSError), open(NAMES, encoding="utf-8", errors="replace") as file:
        lines = file.read(MOST_CHARACTERS).split("\n")
    found = (NAME.fullmatch(line.rpartition(" ")[2]) for line in lines)
    return [Claim(int(one[1]), one[2], one[3]) for one in found if one]


def camera_of_process(pid: int) -> str:
    """The slug of the camera that this process has open; empty for another process."""
    return next((one.slug for one in claims() if one.pid == pid), "")


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
