"""Answers whose bytes come from another machine: the file server of a host."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator

from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from rest_framework.request import Request

from captures.files.answers import OTHER_TYPE, REVALIDATE, TYPES
from captures.files.host_files.addresses import FileAddress
from captures.files.host_files.client import HostAnswer, ask, file_server_of
from captures.files.opened import CHUNK_BYTES

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
