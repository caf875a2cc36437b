"""One answer to one GET, without an end: what FFmpeg reads of a camera by HTTP. It gets the bytes alone, so that
nothing that a camera answers leads anywhere else."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import time
from urllib.parse import SplitResult, urlsplit

from cameras.drivers.network.login import Login
from core.outgoing import Endpoint, connect_endpoint

UNVERIFIED_CIPHERS = "DEFAULT:@SECLEVEL=0"
"""Old cameras have short keys, and who does not look at the certificate is safe from nobody anyway."""
HEADERS = "User-Agent: Skycam\r\nAccept: */*\r\nConnection: close\r\n"
TRANSPORT_STREAM, SYNC_BYTE = "video/mp2t", b"G"
"""What each of its packets begins with. FFmpeg would wait for many of them to know one."""
AGAIN = frozenset({401})


class Answered(OSError):
    """The camera answered with another status than one that begins a stream."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP status {status}")
        self.status = status


class HttpStream:
    """What PyAV reads as a file. Used by one thread at a time, save for `interrupt`. Making it raises OSError, Answered
    and ssl.SSLError within `open_s` seconds; each read OSError after `silent_s` seconds without a byte."""

    def __init__(self, address: str, endpoint: Endpoint, open_s: float, silent_s: float, *, verified: bool) -> None:
        self._parts, self._endpoint, self._verified = urlsplit(address), endpoint, verified
        self._until, self._silent_s = time.monotonic() + open_s, silent_s
        self._ended = False
        login = Login.of(self._parts)
        self._socket, self._answer = self._asked("")
        if self._answer.status in AGAIN and login is not None:
            challenges = self._answer.headers.get_all("WWW-Authenticate") or []
            self.close()
            self._socket, self._answer = self._asked(login.answer(challenges, "GET", target_of(self._parts)))
        if not 200 <= self._answer.status < 300:
            self.close()
            raise Answered(self._answer.status)

    @property
    def content_type(self) -> str:
        """`multipart/x-mixed-replace`; empty where the camera does not say."""
        return str(self._answer.headers.get("Content-Type", "")).partition(";")[0].strip().lower()

    @property
    def format(self) -> str | None:
        """FFmpeg's name of what comes; None where it has to find out."""
        if self.content_type.startswith("multipart/"):
            return "mpjpeg"
        return "mpegts" if self.content_type == TRANSPORT_STREAM or self._first() == SYNC_BYTE else None

    def _first(self) -> bytes:
        try:
            return self._answer.peek(1)[:1]
        except TimeoutError:
            self._ended = True
            return b""

    def read(self, size: int) -> bytes:
        """At most so many bytes, as soon as there are any; none at the end, nor when opening takes too long: FFmpeg
        then makes do with what it has."""
        if self._ended:
            return b""
        left = max(0.001, self._until - time.monotonic()) if self._until else self._silent_s
        self._socket.settimeout(min(left, self._silent_s))
        try:
            return self._answer.read1(size)
        except http.client.HTTPException as error:
            raise ConnectionResetError(type(error).__name__) from None
        except TimeoutError:
            if not self._until:
                raise
            self._ended = True
            return b""

    def opened(self) -> None:
        """From now on it may take as long as it likes, as long as it is not silent."""
        self._until = 0.0

    def interrupt(self) -> None:
        """From any thread: a read that waits ends."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Idempotent."""
        self._answer.close()
        self._socket.close()

    def _asked(self, authorization: str) -> tuple[socket.socket, http.client.HTTPResponse]:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection = self._encrypted(connect_endpoint(self._endpoint, left))
        try:
            connection.settimeout(max(0.001, self._until - time.monotonic()))
            connection.sendall(request(self._parts, authorization))
            answer = http.client.HTTPResponse(connection, method="GET")
            answer.begin()
        except http.client.HTTPException:
            connection.close()
            raise Answered(0) from None
        except BaseException:
            connection.close()
            raise
        return connection, answer

    def _encrypted(self, connection: socket.socket) -> socket.socket:
        if self._parts.scheme != "https":
            return connection
        connection.settimeout(max(0.001, self._until - time.monotonic()))
        try:
            return context(verified=self._verified).wrap_socket(connection, server_hostname=self._parts.hostname)
        except BaseException:
            connection.close()
            raise


def request(parts: SplitResult, authorization: str) -> bytes:
    host = parts.netloc.rpartition("@")[2]
    login = f"Authorization: {authorization}\r\n" if authorization else ""
    return f"GET {target_of(parts)} HTTP/1.1\r\nHost: {host}\r\n{HEADERS}{login}\r\n".encode()


def target_of(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def context(*, verified: bool) -> ssl.SSLContext:
    found = ssl.create_default_context()
    if not verified:
        found.check_hostname = False
        found.verify_mode = ssl.CERT_NONE
        found.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        found.set_ciphers(UNVERIFIED_CIPHERS)
    return found
