"""The endless response to one HTTP GET, as a file that FFmpeg reads. FFmpeg gets only the bytes, so no response of a
camera can redirect it."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import time
from urllib.parse import SplitResult, urlsplit

from cameras.drivers.network.http_auth import HttpCredentials
from core.outgoing import Endpoint, connect_endpoint

UNVERIFIED_CIPHERS = "DEFAULT:@SECLEVEL=0"
"""Old cameras have short keys, and without verification the connection is not secure anyway."""
HEADERS = "User-Agent: Skycam\r\nAccept: */*\r\nConnection: close\r\n"
TRANSPORT_STREAM, SYNC_BYTE = "video/mp2t", b"G"
"""The first byte of each packet. FFmpeg would wait for many packets to detect the format."""
AGAIN = frozenset({401})


class UnexpectedStatus(OSError):
    """The camera answered with a status other than 2xx."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP status {status}")
        self.status = status


class HttpStream:
    """A file-like object for PyAV. Used by one thread at a time, except for `interrupt`. The constructor raises
    OSError, UnexpectedStatus and ssl.SSLError within `open_s` seconds; a read raises OSError after `silent_s` seconds
    without a byte."""

    def __init__(self, address: str, endpoint: Endpoint, open_s: float, silent_s: float, *, verified: bool) -> None:
        self._parts, self._endpoint, self._verified = urlsplit(address), endpoint, verified
        self._until, self._silent_s = time.monotonic() + open_s, silent_s
        self._ended = False
        login = HttpCredentials.of(self._parts)
        self._socket, self._response = self._send_request("")
        if self._response.status in AGAIN and login is not None:
            challenges = self._response.headers.get_all("WWW-Authenticate") or []
            self.close()
            self._socket, self._response = self._send_request(
                login.authorization(challenges, "GET", target_of(self._parts))
            )
        if not 200 <= self._response.status < 300:
            self.close()
            raise UnexpectedStatus(self._response.status)

    @property
    def content_type(self) -> str:
        """Such as `multipart/x-mixed-replace`; empty if the camera sends none."""
        return str(self._response.headers.get("Content-Type", "")).partition(";")[0].strip().lower()

    @property
    def format(self) -> str | None:
        """FFmpeg's name of the format; None if FFmpeg has to detect it."""
        if self.content_type.startswith("multipart/"):
            return "mpjpeg"
        return "mpegts" if self.content_type == TRANSPORT_STREAM or self._first_byte() == SYNC_BYTE else None

    def _first_byte(self) -> bytes:
        try:
            return self._response.peek(1)[:1]
        except TimeoutError:
            # Silence is left to FFmpeg: it reads an end of file, and reports that like any other source without video.
            self._ended = True
            return b""

    def read(self, size: int) -> bytes:
        """At most `size` bytes, as soon as some arrive; empty at the end, and when opening takes too long: FFmpeg then
        uses what it has received."""
        if self._ended:
            return b""
        left = max(0.001, self._until - time.monotonic()) if self._until else self._silent_s
        self._socket.settimeout(min(left, self._silent_s))
        try:
            return self._response.read1(size)
        except http.client.HTTPException as error:
            raise ConnectionResetError(type(error).__name__) from None
        except TimeoutError:
            if not self._until:
                raise
            self._ended = True
            return b""

    def opened(self) -> None:
        """Lift the time limit of opening; from now on only silence ends the stream."""
        self._until = 0.0

    def interrupt(self) -> None:
        """From any thread: end a running read."""
        with contextlib.suppress(OSError):
            # Not close(): that does not wake a thread that waits in recv(), and its file descriptor could be reused
            # meanwhile.
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Idempotent."""
        # Both: the response reads through a file object that keeps the connection open by itself.
        self._response.close()
        self._socket.close()

    def _send_request(self, authorization: str) -> tuple[socket.socket, http.client.HTTPResponse]:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection = self._wrap_tls(connect_endpoint(self._endpoint, left))
        try:
            # Not 0, which would make the socket non-blocking.
            connection.settimeout(max(0.001, self._until - time.monotonic()))
            connection.sendall(get_request(self._parts, authorization))
            # Not HTTPConnection: it would resolve the name again, past the guard.
            response = http.client.HTTPResponse(connection, method="GET")
            response.begin()
        except http.client.HTTPException:
            connection.close()
            raise UnexpectedStatus(0) from None
        except BaseException:
            connection.close()
            raise
        return connection, response

    def _wrap_tls(self, connection: socket.socket) -> socket.socket:
        if self._parts.scheme != "https":
            return connection
        connection.settimeout(max(0.001, self._until - time.monotonic()))
        try:
            return tls_context(verified=self._verified).wrap_socket(connection, server_hostname=self._parts.hostname)
        except BaseException:
            connection.close()
            raise


def get_request(parts: SplitResult, authorization: str) -> bytes:
    host = parts.netloc.rpartition("@")[2]
    login = f"Authorization: {authorization}\r\n" if authorization else ""
    return f"GET {target_of(parts)} HTTP/1.1\r\nHost: {host}\r\n{HEADERS}{login}\r\n".encode()


def target_of(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def tls_context(*, verified: bool) -> ssl.SSLContext:
    settings = ssl.create_default_context()
    if not verified:
        settings.check_hostname = False
        settings.verify_mode = ssl.CERT_NONE
        settings.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        settings.set_ciphers(UNVERIFIED_CIPHERS)
    return settings
