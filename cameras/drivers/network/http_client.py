"""Sends GETs to one checked address, signs in as the camera asks, and follows no redirection."""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import ssl
import time
from typing import Any, cast
from urllib.parse import urlsplit

from cameras.drivers.network.sign_in import HttpCredentials, SignIn
from core.outgoing import Endpoint, connect_endpoint
from core.outgoing_request import left_s

UNVERIFIED_CIPHERS = "DEFAULT:@SECLEVEL=0"
"""Old cameras have short keys, and without verification the connection is not secure anyway."""
HEADERS = "User-Agent: Skycam\r\nAccept: */*\r\nConnection: close\r\n"
UNAUTHORIZED = 401
NO_HTTP = 0
"""In place of a status: the camera answered with something other than HTTP."""
PIECE_BYTES = 65_536


class UnexpectedStatus(OSError):
    """The camera answered with a status other than 2xx."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP status {status}")
        self.status = status


class HttpClient:
    """Used by one thread at a time, except for `interrupt`. `address` is normalised, and `endpoint` its checked
    destination."""

    def __init__(self, address: str, endpoint: Endpoint, *, verified: bool) -> None:
        self._parts, self._endpoint, self._verified = urlsplit(address), endpoint, verified
        self._credentials = HttpCredentials.of(self._parts)
        self._sign_in: SignIn | None = None
        self._socket: socket.socket | None = None
        self._interrupted = False

    def get(self, within_s: float, silent_s: float) -> HttpAnswer:
        """The answer, once its head has arrived. OSError, UnexpectedStatus, UnsupportedSignIn, also after `within_s`
        seconds. Reading it raises TimeoutError `within_s` after this call as well, until `answer.unlimit` is called,
        and after `silent_s` seconds without a byte."""
        until = time.monotonic() + within_s
        answer = self._send_request(until, silent_s)
        if answer.status == UNAUTHORIZED and self._credentials is not None:
            answer.close()
            self._sign_in = SignIn(self._credentials, answer.challenges)
            answer = self._send_request(until, silent_s)
        if not 200 <= answer.status < 300:
            answer.close()
            raise UnexpectedStatus(answer.status)
        return answer

    def interrupt(self) -> None:
        """From any thread: end a running request or read, and refuse further ones."""
        self._interrupted = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                # Not close(): that does not wake a thread that waits in recv(), and its file descriptor could be reused
                # meanwhile.
                self._socket.shutdown(socket.SHUT_RDWR)

    def _send_request(self, until: float, silent_s: float) -> HttpAnswer:
        connection = self._connect(until)
        self._socket, requested = connection, time.monotonic()
        try:
            # After the assignment, so that `interrupt` finds either the connection or this check.
            if self._interrupted:
                raise ConnectionAbortedError
            connection.settimeout(left_s(until))
            connection.sendall(self._request())
            return HttpAnswer(connection, requested, until, silent_s)
        except http.client.HTTPException:
            connection.close()
            raise UnexpectedStatus(NO_HTTP) from None
        except BaseException:
            connection.close()
            raise

    def _connect(self, until: float) -> socket.socket:
        connection = connect_endpoint(self._endpoint, left_s(until))
        if self._parts.scheme != "https":
            return connection
        try:
            connection.settimeout(left_s(until))
            return tls_context(verified=self._verified).wrap_socket(connection, server_hostname=self._parts.hostname)
        except BaseException:
            connection.close()
            raise

    def _request(self) -> bytes:
        target = (self._parts.path or "/") + (f"?{self._parts.query}" if self._parts.query else "")
        host = self._parts.netloc.rpartition("@")[2]
        login = f"Authorization: {self._sign_in.authorization('GET', target)}\r\n" if self._sign_in else ""
        return f"GET {target} HTTP/1.1\r\nHost: {host}\r\n{HEADERS}{login}\r\n".encode()


class HttpAnswer:
    """The head of an answer, and its body as it arrives. HTTPException for an answer that is no HTTP."""

    def __init__(self, connection: socket.socket, requested: float, until: float, silent_s: float) -> None:
        """`requested`: when its request was sent, in seconds of the monotonic clock."""
        self.requested = requested
        self._socket, self._reader = connection, TimedReader(connection, until, silent_s)
        # Not HTTPConnection: it would resolve the name again, past the guard.
        self._response = http.client.HTTPResponse(cast(socket.socket, self._reader), method="GET")
        self._response.begin()
        self.status = self._response.status
        if self.content_type.startswith("multipart/"):
            # Such an answer has no end, whatever length its head states.
            self._response.length = None

    @property
    def content_type(self) -> str:
        """Such as `multipart/x-mixed-replace`; empty if the camera sends none."""
        return str(self._response.headers.get("Content-Type", "")).partition(";")[0].strip().lower()

    @property
    def has_length(self) -> bool:
        return self._response.length is not None

    @property
    def challenges(self) -> list[str]:
        return self._response.headers.get_all("WWW-Authenticate") or []

    def read(self, most: int = PIECE_BYTES) -> bytes:
        """At most `most` bytes, as soon as some arrive; empty at the end. OSError."""
        try:
            return self._response.read1(most)
        except (http.client.HTTPException, ValueError) as error:
            raise ConnectionResetError(type(error).__name__) from None

    def unlimit(self) -> None:
        """From now on only silence ends the reading."""
        self._reader.until = float("inf")

    def close(self) -> None:
        """Idempotent."""
        # Both: the response reads through a file object that keeps the connection open by itself.
        self._response.close()
        self._socket.close()


class TimedReader(io.RawIOBase):
    """What `http.client` uses of a socket, and the file that it reads from: TimeoutError after `until`, and after
    `silent_s` seconds without a byte."""

    def __init__(self, connection: socket.socket, until: float, silent_s: float) -> None:
        super().__init__()
        self._connection, self.until, self._silent_s = connection, until, silent_s

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(min(left_s(self.until), self._silent_s))
        return self._connection.recv_into(buffer)


def tls_context(*, verified: bool) -> ssl.SSLContext:
    settings = ssl.create_default_context()
    if not verified:
        settings.check_hostname = False
        settings.verify_mode = ssl.CERT_NONE
        settings.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        settings.set_ciphers(UNVERIFIED_CIPHERS)
    return settings
