"""One GET to an address that the guard has checked, with one deadline and a limit for the answer; and the connection
that ends at it, however slow its peer is. Django-free."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

from core.outgoing import AddressRefused, OutgoingGuard


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


PORTS = {"http": 80, "https": 443}
OWN_HEADERS = {"User-Agent": "Skycam", "Accept": "*/*", "Connection": "close"}


class RequestFailed(Exception):
    """The text is a sentence about "The address", without the address. `permanent` if trying again does not help."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


def get(url: str, headers: Mapping[str, str], deadline_s: float, guard: OutgoingGuard, limit_bytes: int) -> bytes:
    """The body of a successful answer, at most `limit_bytes` + 1 of it. RequestFailed.

    The guard checks the address each time. No redirect is followed: it could lead to an address that the operator did
    not name. Certificates are verified with those of the system.
    """
    try:
        status, content = _get(urlsplit(url), headers, time.monotonic() + deadline_s, guard, limit_bytes)
    except AddressRefused as error:
        raise RequestFailed(f"The address {error}", permanent=True) from error
    except TimeoutError as error:
        raise RequestFailed(f"The address has not answered within {deadline_s:g} s.") from error
    except ssl.SSLCertVerificationError as error:
        why = error.verify_message
        raise RequestFailed(f"The certificate of the address is not valid ({why}).") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise RequestFailed(f"The address cannot be read ({why}).") from error
    if not 200 <= status < 300:
        raise RequestFailed(f"The address answered with the status {status}.")
    return content


def _get(
    parts: SplitResult, headers: Mapping[str, str], until: float, guard: OutgoingGuard, limit_bytes: int
) -> tuple[int, bytes]:
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    connection = guard.connect(host, port, left_s(until))
    with wrap_tls(connection, host, until) if parts.scheme == "https" else connection as opened:
        opened.settimeout(left_s(until))
        opened.sendall(request(parts, headers))
        # Not HTTPConnection: it would resolve the name again, past the guard.
        response = http.client.HTTPResponse(cast(socket.socket, DeadlineSocket(opened, until)), method="GET")
        response.begin()
        return response.status, response.read(limit_bytes + 1)


def wrap_tls(connection: socket.socket, host: str, until: float) -> socket.socket:
    """The encrypted connection, once the certificate is verified for `host`. It closes `connection` if that fails:
    OSError, also TimeoutError after `until` (`time.monotonic()`)."""
    try:
        connection.settimeout(left_s(until))
        return ssl.create_default_context().wrap_socket(connection, server_hostname=host)
    except BaseException:
        connection.close()
        raise


def request(parts: SplitResult, headers: Mapping[str, str]) -> bytes:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{name}: {value}" for name, value in {"Host": parts.netloc, **OWN_HEADERS, **headers}.items()]
    return "\r\n".join([f"GET {target} HTTP/1.1", *lines, "", ""]).encode()
