"""Files of another host: fetched from its file server, and relayed to the browser."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from http import HTTPStatus
from typing import Self
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from rest_framework.request import Request

from cameras.models import CameraHost
from cameras.status.status import read_heartbeats
from captures.files.answers import OTHER_TYPE, REVALIDATE, TYPES, Unsatisfiable
from captures.files.host_files.addresses import HEAD, POSTER, FileAddress
from captures.files.opened import CHUNK_BYTES, FileMissing, FileRow
from core.addresses import is_private_host
from core.broker.broker import BrokerDown

CONNECT_S, ANSWER_S = 3.0, 20.0
"""Seconds to connect and to agree on TLS, and without any byte of an answer."""
PASSED_ON = ("Range", "If-Range", "If-None-Match", "If-Modified-Since")


class HostAway(Exception):
    """The file's host cannot send it. `since`: when the host was seen last; None when that is unknown. `copies`: the
    destinations with a verified off-site copy, none of which can be read now."""

    def __init__(self, host: str, why: str, since: datetime | None = None) -> None:
        seen = f" since {since:%Y-%m-%d %H:%M:%S} UTC" if since else ""
        super().__init__(f"The file is on the camera host {host}, which {why}{seen}.")
        self.host, self.since = host, since
        self.copies: list[str] = []


@dataclass(slots=True)
class HostAnswer:
    """The head of an answer; its body is read from `response`, or from `socket` behind what `response` has buffered."""

    status: int
    headers: dict[str, str]
    response: http.client.HTTPResponse
    connected: socket.socket
    connection: http.client.HTTPConnection

    def read(self, host: str) -> bytes:
        """All of it, for small answers of `host`. HostAway when it breaks off."""
        try:
            return self.response.read()
        except (OSError, http.client.HTTPException) as error:
            raise HostAway(host, f"broke off its answer ({_cause(error)})") from error
        finally:
            self.close()

    def close(self) -> None:
        self.response.close()
        self.connection.close()


def file_server_of(host: str) -> str:
    """The address of the host's file server. HostAway, at once for a host whose heartbeat is missing: nobody waits for
    a machine that is off."""
    row = CameraHost.objects.filter(pk=host).first()
    last = row.clock_offset_at if row else None
    if row is None or not row.file_server:
        raise HostAway(host, "has announced no file server: update it, and start it", last)
    try:
        if read_heartbeats([host])[host] is None:
            raise HostAway(host, "does not answer", last)
    except BrokerDown:
        pass  # it is then known by the connection
    return row.file_server


def ask(address: FileAddress, method: str = "GET", headers: Mapping[str, str] | None = None) -> HostAnswer:
    """The answer of the file's host with a status below 400. HostAway, FileMissing, Unsatisfiable."""
    server = urlsplit(file_server_of(address.host))
    passed = {name: value for name in PASSED_ON if (value := (headers or {}).get(name))}
    connection = _connection(address.host, server)
    try:
        connection.request(method, address.sign(), headers=passed | {"Connection": "close"})
        # getresponse() lets go of it: from then on it is open as long as the response.
        connected = connection.sock
        response = connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        raise HostAway(address.host, f"cannot be reached at {server.geturl()} ({_cause(error)})") from error
    found = HostAnswer(response.status, dict(response.headers.items()), response, connected, connection)
    if response.status >= HTTPStatus.BAD_REQUEST and response.status != HTTPStatus.GONE:
        _raise_refusal(address, found)
    return found


def _raise_refusal(address: FileAddress, found: HostAnswer) -> None:
    message = found.read(address.host)[:500].decode(errors="replace")
    if found.status == HTTPStatus.NOT_FOUND:
        raise FileMissing(message)
    if found.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        raise Unsatisfiable(address.bytes)
    raise HostAway(address.host, f"refuses it ({message})")


class RemoteThumbnails:
    """What the file's host has made of it, as `ThumbnailStore` has it of a file of this host."""

    def __init__(self, row: FileRow) -> None:
        self._row = row
        self._failure: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def read_thumbnail(self, _sha256: str, size: int) -> bytes | None:
        """None when it is not rendered. HostAway, FileMissing."""
        return self._read(FileAddress.of(self._row, what=POSTER, size=size))

    def read_head(self, _sha256: str) -> bytes | None:
        return self._read(FileAddress.of(self._row, what=HEAD))

    def read_failure(self, _sha256: str) -> str | None:
        """What the last answer said."""
        return self._failure

    def _read(self, address: FileAddress) -> bytes | None:
        found = ask(address)
        content = found.read(address.host)
        self._failure = content.decode(errors="replace") if found.status == HTTPStatus.GONE else None
        return content if found.status == HTTPStatus.OK else None


def _connection(host: str, server: SplitResult) -> http.client.HTTPConnection:
    """HostAway when nothing says which certificates to trust."""
    name, port = server.hostname or "", server.port
    if server.scheme != "https":
        return PrivateConnection(name, port, timeout=CONNECT_S)
    authority = settings.STATION.files.authority
    try:
        return EncryptedConnection(name, port, timeout=CONNECT_S, context=_tls(authority))
    except OSError as error:
        raise HostAway(
            host, f"cannot be asked over TLS: files.authority, {authority}, cannot be used ({_cause(error)})"
        ) from error


class PrivateConnection(http.client.HTTPConnection):
    """Without TLS, so only to private networks."""

    def connect(self) -> None:
        super().connect()
        assert isinstance(self.sock, socket.socket)
        if not is_private_host(str(self.sock.getpeername()[0])):
            self.close()
            raise OSError("outside private networks files need TLS; set files.certificate there")
        self.sock.settimeout(ANSWER_S)


class EncryptedConnection(http.client.HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(ANSWER_S)


@cache
def _tls(authority: str) -> ssl.SSLContext:
    """OSError when there is no certificate in the file."""
    return ssl.create_default_context(cafile=authority or None)


def _cause(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{error.verify_message}; files.authority names the authorities that are trusted here"
    return getattr(error, "strerror", "") or str(error) or type(error).__name__


PASSED_BACK = (
    "ETag", "Last-Modified", "Cache-Control", "Accept-Ranges", "Content-Type", "Content-Length", "Content-Range",
)  # fmt: skip


class HostBody:
    """The body of a host's answer. The server of the web part copies it from socket to socket; where there is none, as
    behind another server, it is iterated."""

    def __init__(self, answer: HostAnswer) -> None:
        self._answer = answer
        self._left = int(answer.headers["Content-Length"])

    def take_socket(self) -> tuple[bytes, socket.socket, int]:
        """What was received with the head, the socket on which the rest comes, and how many bytes that are."""
        connected = self._answer.connected
        # peek() reads when nothing is buffered, and this is the event loop: a host whose disk is slow would stop all
        # other answers.
        connected.setblocking(False)
        first = b""
        with contextlib.suppress(ssl.SSLWantReadError):
            first = bytes(self._answer.response.fp.peek()[: self._left]) if self._left else b""
        return first, connected, self._left - len(first)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self._left:
            chunk = await asyncio.to_thread(self._answer.response.read1, min(CHUNK_BYTES, self._left))
            if not chunk:
                raise OSError("The file's host ended its answer early.")
            self._left -= len(chunk)
            yield chunk

    def close(self) -> None:
        """The host then stops as well."""
        self._answer.close()


class RelayedResponse(StreamingHttpResponse):
    """`body` is what it streams."""

    def __init__(self, body: HostBody, status: int, headers: dict[str, str]) -> None:
        super().__init__(body, status=status, headers=headers)
        self.body = body


def relay_file(request: Request, address: FileAddress) -> HttpResponse | StreamingHttpResponse:
    """HostAway, FileMissing, Unsatisfiable."""
    if prefix := settings.STATION.files.x_accel:
        return _hand_over(prefix, address)
    found = ask(address, str(request.method), request.headers)
    headers = {name: value for name in PASSED_BACK if (value := found.headers.get(name))}
    if found.status in {200, 206} and request.method != "HEAD":
        return RelayedResponse(HostBody(found), found.status, headers)
    found.close()
    return HttpResponse(status=found.status, headers=headers)


def _hand_over(prefix: str, address: FileAddress) -> HttpResponse:
    """nginx asks the host itself, with the client's Range and conditions."""
    scheme, _, place = file_server_of(address.host).partition("://")
    kind = TYPES.get(f".{address.path.rpartition('.')[2].lower()}", OTHER_TYPE)
    return HttpResponse(headers={
        "X-Accel-Redirect": f"{prefix}{scheme}/{place}{address.sign()}", "Content-Type": kind,
        "Cache-Control": REVALIDATE,
    })  # fmt: skip
