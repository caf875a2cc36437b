"""Which camera of Skycam has a device open: a camera process says it to the other processes of its machine by a name in
Linux's abstract namespace, which is free again when the process ends, whatever ends it. Django-free."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import socket
import weakref
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
