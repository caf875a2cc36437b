"""A connection for `http.client` whose reads and writes end at one deadline, however slow its peer is. Django-free."""

from __future__ import annotations

import io
import socket
import time
from typing import Any


class DeadlineSocket:
    """What `http.client` uses of a socket. `until` is a time of `time.monotonic()`; TimeoutError after it."""

    def __init__(self, connection: socket.socket, until: float) -> None:
        self._connection, self._until = connection, until

    def sendall(self, content: Any) -> None:
        # Not sendall() of the socket: with TLS its timeout applies to each piece and not to all of them.
        left = memoryview(content).cast("B")
        while left:
            self._connection.settimeout(left_s(self._until))
            left = left[self._connection.send(left) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(DeadlineReader(self._connection, self._until))

    def close(self) -> None:
        """Nothing: `http.client` calls it before it reads the answer. Who opened the connection closes it."""


class DeadlineReader(io.RawIOBase):
    def __init__(self, connection: socket.socket, until: float) -> None:
        super().__init__()
        self._connection, self._until = connection, until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(left_s(self._until))
        return self._connection.recv_into(buffer)


def left_s(until: float) -> float:
    """Seconds until the deadline; TimeoutError after it."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
