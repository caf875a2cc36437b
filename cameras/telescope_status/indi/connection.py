"""A TCP connection to an INDI server. Every call ends at a time of `time.monotonic()`. Django-free."""

from __future__ import annotations

import socket
import time
from typing import Self

from cameras.telescope_status.base import StatusError
from cameras.telescope_status.indi.messages import Message
from cameras.telescope_status.indi.parser import IndiParser, ProtocolError
from core.outgoing import AddressRefused, OutgoingGuard

CHUNK_BYTES = 32 * 1024


class Disconnected(StatusError):
    """The server is not there, closed the connection, or sent what is not INDI."""


class IndiConnection:
    """`server` names it in sentences. The errors of all methods are Disconnected."""

    def __init__(self, host: str, port: int, guard: OutgoingGuard, until: float) -> None:
        self.server = f"The INDI server {host}:{port}"
        self._parser = IndiParser()
        try:
            self._socket = guard.connect(host, port, seconds_until(until))
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except AddressRefused as error:
            raise Disconnected(f"The address of the INDI server {host}:{port} {error}") from error
        except OSError as error:
            raise self._error(f"cannot be reached ({error.strerror or 'no answer in time'})") from error

    def send(self, content: bytes, until: float) -> None:
        try:
            self._socket.settimeout(seconds_until(until))
            self._socket.sendall(content)
        except OSError as error:
            raise self._error(f"does not accept commands ({error.strerror or 'no answer in time'})") from error

    def receive(self, until: float) -> list[Message] | None:
        """The messages that the next bytes complete; None if none arrive in time. With a time that has passed, of the
        bytes that have arrived already."""
        try:
            # Set again each time, because it ends by itself: a server that sends many small messages waits for each
            # acknowledgement, which would otherwise come after 40 ms.
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            self._socket.settimeout(max(0.0, until - time.monotonic()))
            content = self._socket.recv(CHUNK_BYTES)
        except (TimeoutError, BlockingIOError):
            return None
        except OSError as error:
            raise self._error(f"is gone ({error.strerror})") from error
        if not content:
            raise self._error("closed the connection")
        try:
            return self._parser.feed(content)
        except ProtocolError as error:
            raise self._error(str(error)) from error

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _error(self, why: str) -> Disconnected:
        return Disconnected(f"{self.server} {why}. Check that it runs, and the settings `host` and `port`.")


def seconds_until(until: float) -> float:
    """At least a millisecond: 0 would mean that the socket does not wait at all."""
    return max(0.001, until - time.monotonic())
