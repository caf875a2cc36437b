"""Which cameras Skycam's own processes have open. Only one process can have a camera, and asking one for its serial
number means opening it: so each says by a name in the kernel, which ends with the process, what it has."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket


class Claim:
    """From making it to `end`, `is_claimed(port)` is true on this machine."""

    def __init__(self, port: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        with contextlib.suppress(OSError):  # somebody else's word for it is as good
            self._socket.bind(_name(port))

    def end(self) -> None:
        self._socket.close()


def is_claimed(port: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as asking:
        return asking.connect_ex(_name(port)) == 0


def _name(port: str) -> str:
    """Abstract: it begins with a zero byte, and is no file. Whoever has other port libraries sees other cameras."""
    seen = "\0".join([os.environ.get("IOLIBS", ""), os.environ.get("VCAMERADIR", ""), port])
    return f"\0skycam-gphoto2-{hashlib.sha256(seen.encode()).hexdigest()[:32]}"
