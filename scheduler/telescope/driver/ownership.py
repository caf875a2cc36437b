"""One program of this machine owns a controller: two would give it commands by turns, and neither would notice.

The owner is bound to a name in Linux's abstract namespace. It is free again when its process ends, whatever ends it.
"""

from __future__ import annotations

import errno
import socket
import struct

from core.device_holders import camera_of_process
from scheduler.telescope.driver.connection import resolve


class ControllerHeld(ConnectionError):
    """Another program, or another part of this one, owns the controller. `pid` is its process, 0 if unknown."""

    def __init__(self, message: str, pid: int) -> None:
        super().__init__(message)
        self.pid = pid


class ControllerLock:
    """Holds a controller, named by the IP address and the command port, until `release`."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self._socket: socket.socket | None = None

    def acquire(self) -> None:
        """Idempotent. ControllerHeld with the program that holds it; OSError for a host without an address."""
        if self._socket is not None:
            return
        name = lock_name(self.host, self.port)
        holder = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            holder.bind(name)
            # Others learn by a connection which process it is.
            holder.listen(1)
        except OSError as error:
            holder.close()
            if error.errno != errno.EADDRINUSE:
                raise
            pid = holder_of(name)
            slug = camera_of_process(pid)
            by = f"the camera {slug} of Skycam (pid {pid})" if slug else describe_process(pid)
            remedy = "Remove one of the two cameras" if slug else "End that program, or let it do the work"
            raise ControllerHeld(
                f"The controller {self.host}:{self.port} is held by {by}. {remedy}: two programs must not command one"
                " controller.", pid,
            ) from None  # fmt: skip
        except BaseException:
            holder.close()
            raise
        self._socket = holder

    def release(self) -> None:
        """Idempotent."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def lock_name(host: str, port: int) -> bytes:
    """The same for each name of a host."""
    addresses = sorted(str(address[0]) for _, address in resolve(host, port))
    return f"\0skycam-telescope-controller/{addresses[0]}/{port}".encode()


def holder_of(name: bytes) -> int:
    """The process that is bound to a name; 0 when it cannot be seen."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as visitor:
        # A holder whose queue is full would block this.
        visitor.setblocking(False)
        try:
            visitor.connect(name)
            credentials = visitor.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        except OSError:
            return 0
    return int(struct.unpack("3i", credentials)[0])


def describe_process(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read(400).replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        words = ""
    return f"process {pid} ({words})" if words else f"process {pid}" if pid else "another program"
