"""Which cameras Skycam's own processes have open. Only one process can open a camera, and reading its serial number
means opening it. So each process binds an abstract socket named after its camera, which closes with the process."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket


class Claim:
    """While it exists, until `end`, `is_claimed(port)` is true on this machine."""

    def __init__(self, port: str) -> None:
        # A datagram socket needs neither listen() nor a thread that accepts: to be bound is the whole claim. The kernel
        # removes it on SIGKILL too, so no stale claim can remain as with a lock file.
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        # Not an error: the claim only advises Skycam's own processes. libgphoto2's claim of the USB interface (-53)
        # decides.
        with contextlib.suppress(OSError):  # another process has claimed it already
            self._socket.bind(_name(port))

    def end(self) -> None:
        self._socket.close()


def is_claimed(port: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        return probe.connect_ex(_name(port)) == 0


def _name(port: str) -> str:
    """An abstract name: it begins with a zero byte and is not a file. The name includes
    the port libraries, because other libraries have other cameras."""
    seen = "\0".join([os.environ.get("IOLIBS", ""), os.environ.get("VCAMERADIR", ""), port])
    return f"\0skycam-gphoto2-{hashlib.sha256(seen.encode()).hexdigest()[:32]}"
