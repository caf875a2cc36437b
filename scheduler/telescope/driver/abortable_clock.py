"""A clock whose waits `abort` ends, from another thread."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence

from cameras.drivers.base import Aborted
from scheduler.telescope.driver.clock import SocketClock


class AbortableClock:
    """A `SocketClock`. After `abort` each wait raises Aborted, until `reset`."""

    def __init__(self, clock: SocketClock) -> None:
        self._clock = clock
        self._receiver, self._sender = socket.socketpair()
        self._receiver.setblocking(False)
        self._sender.setblocking(False)

    def wall_ns(self) -> int:
        return self._clock.wall_ns()

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self.wait_ready([], [], max(0.0, seconds))

    def wait_ready(
        self, readers: Sequence[socket.socket], writers: Sequence[socket.socket], seconds: float | None
    ) -> list[socket.socket]:
        found = self._clock.wait_ready([self._receiver, *readers], writers, seconds)
        if self._receiver in found:
            raise Aborted
        return found

    def abort(self) -> None:
        # Full of earlier aborts, it does not need this one.
        with contextlib.suppress(BlockingIOError):
            self._sender.send(b"a")

    def reset(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._receiver.recv(64):
                pass

    def close(self) -> None:
        self._receiver.close()
        self._sender.close()
