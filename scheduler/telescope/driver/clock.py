"""Time and the readiness of sockets, as one port: a test runs a night with real sockets in seconds."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol


class SocketClock(Protocol):
    def wall_ns(self) -> int:
        """Nanoseconds since 1970, UTC."""

    def monotonic(self) -> float:
        """Seconds of a monotonic clock."""

    def sleep(self, seconds: float) -> None: ...

    def wait_ready(
        self, readers: Sequence[socket.socket], writers: Sequence[socket.socket], seconds: float | None
    ) -> list[socket.socket]:
        """The sockets that can be read from or written to, which includes those that failed; empty after `seconds`.
        None waits without a limit."""


class StartThread(Protocol):
    def __call__(self, run: Callable[[], None], name: str) -> threading.Thread:
        """A started thread that runs `run`."""


class SystemClock:
    """Real time."""

    def wall_ns(self) -> int:
        return time.time_ns()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))

    def wait_ready(
        self, readers: Sequence[socket.socket], writers: Sequence[socket.socket], seconds: float | None
    ) -> list[socket.socket]:
        # `select` refuses descriptors of 1024 and above.
        poll, sockets = select.poll(), {connection.fileno(): connection for connection in (*readers, *writers)}
        for connection in readers:
            poll.register(connection, select.POLLIN)
        for connection in writers:
            poll.register(connection, select.POLLOUT)
        found = poll.poll(None if seconds is None else max(0.0, seconds) * 1000)
        return [sockets[descriptor] for descriptor, _ in found]


def start_thread(run: Callable[[], None], name: str) -> threading.Thread:
    # A daemon: a program that ends does not wait for the readout of its last exposure.
    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread
