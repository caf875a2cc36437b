"""A small HTTP server for `GET /metrics` alone: a deadline for each connection, and few of them at a time."""

from __future__ import annotations

import asyncio
import hmac
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from email.parser import BytesHeaderParser
from http import HTTPStatus
from urllib.parse import urlsplit

from prometheus_client import CONTENT_TYPE_LATEST

from core.api.authorization import token_of
from skycam_project.config.addresses import is_loopback

REQUEST_S, CONNECTION_S = 5.0, 20.0
CONNECTIONS = 8
HEAD_BYTES = 16 * 1024
PATH = "/metrics"


class MetricsServer:
    """Serves on one event loop until `stop`. `render` makes the answer, on a thread of its own."""

    def __init__(self, render: Callable[[], bytes], token: str) -> None:
        """`token` empty: every program that can connect may read, which must be loopback only."""
        self._render, self._token = render, token
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="metrics-page")
        self._connections = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = asyncio.Event()
        self._stopping = threading.Event()

    def serve(self, listening: socket.socket) -> None:
        """Serve on a bound socket until `stop`."""
        asyncio.run(self._serve(listening))

    def stop(self) -> None:
        """From any thread, also before `serve` and again."""
        self._stopping.set()
        self._thread.shutdown(wait=False, cancel_futures=True)
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._ended.set)

    async def _serve(self, listening: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self._handle_connection, sock=listening, limit=HEAD_BYTES)
        # Read after the loop is known: a `stop` before that could not wake this.
        if not self._stopping.is_set():
            await self._ended.wait()
        server.close()

    async def _handle_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            if self._connections <= CONNECTIONS:
                async with asyncio.timeout(CONNECTION_S):
                    await self._answer(reader, writer)
        except (TimeoutError, ConnectionError):
            return  # the client has gone, or is too slow
        finally:
            self._connections -= 1
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(REQUEST_S):
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                return
        status, body, headers = await self._respond(head)
        lines = [f"HTTP/1.1 {status.value} {status.phrase}", f"Content-Length: {len(body)}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        method = head.split(b" ", 1)[0]
        writer.write("\r\n".join([*lines, "", ""]).encode() + (b"" if method == b"HEAD" else body))
        await writer.drain()
        # Until all is sent: `abort` would drop the rest.
        writer.close()
        await writer.wait_closed()

    async def _respond(self, head: bytes) -> tuple[HTTPStatus, bytes, dict[str, str]]:
        request, _, lines = head.partition(b"\r\n")
        words = request.decode("latin-1").split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return refusal(HTTPStatus.BAD_REQUEST, "This is no HTTP request.")
        if words[0] not in {"GET", "HEAD"}:
            return refusal(HTTPStatus.METHOD_NOT_ALLOWED, "Only GET is allowed.", Allow="GET, HEAD")
        headers = BytesHeaderParser().parsebytes(lines)
        if not self._may_read(headers):
            text = "Send the token of this station: Authorization: Bearer TOKEN."
            return refusal(HTTPStatus.UNAUTHORIZED, text, **{"WWW-Authenticate": 'Bearer realm="Skycam"'})
        if words[1].partition("?")[0] != PATH:
            return refusal(HTTPStatus.NOT_FOUND, f"There is only {PATH} here.")
        body = await asyncio.get_running_loop().run_in_executor(self._thread, self._render)
        return HTTPStatus.OK, body, {"Content-Type": CONTENT_TYPE_LATEST}

    def _may_read(self, headers: Message) -> bool:
        if not self._token:
            # A page from elsewhere whose name was made to mean this machine (DNS rebinding) sends that name.
            return is_loopback(host_of(str(headers.get("Host", ""))))
        sent = token_of(str(headers.get("Authorization", "")))
        return sent is not None and hmac.compare_digest(sent.encode(errors="replace"), self._token.encode())


def host_of(header: str) -> str:
    """The host of a `Host` header; empty if it is none."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def refusal(status: HTTPStatus, text: str, **headers: str) -> tuple[HTTPStatus, bytes, dict[str, str]]:
    return status, f"{text}\n".encode(), {"Content-Type": "text/plain; charset=utf-8", **headers}
