"""The metrics of a host as Prometheus scrapes them, what this process knows and what the database and broker know;
and a small HTTP server for `GET /metrics` alone, with a deadline for each connection, and few of them at a time."""

from __future__ import annotations

import asyncio
import hmac
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from email.message import Message
from email.parser import BytesHeaderParser
from http import HTTPStatus
from urllib.parse import urlsplit

from django.db import connection
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Metric
from prometheus_client.registry import Collector

from core.api.authorization import token_of
from core.collection_errors import COLLECTION_ERRORS, CollectionErrors
from monitoring.metrics import render
from skycam_project.config.network import is_loopback

log = logging.getLogger(__name__)
STATION_WAIT_S = 4.0
"""Less than the ten seconds for which Prometheus waits. A database that is away may take longer than this to say so."""
LIFE_S = 1.0
"""An answer this young is given again: many clients must not take the processor from the cameras."""


class StationMetrics(Collector):
    """Collects on a thread of its own, and leaves out everything when that takes too long. Used by one thread."""

    def __init__(
        self,
        station: Collector,
        wait_s: float = STATION_WAIT_S,
        collection_errors: CollectionErrors = COLLECTION_ERRORS,
    ) -> None:
        self._station, self._wait_s, self._collection_errors = station, wait_s, collection_errors
        self._collecting: Future[list[Metric]] | None = None

    def collect(self) -> list[Metric]:
        # One that hangs is waited for again, and no second one is begun beside it.
        if self._collecting is None:
            self._collecting = Future()
            # A daemon, and not of an executor: a call that hangs does not keep the process from ending.
            threading.Thread(target=self._collect, args=[self._collecting], name="station-metrics", daemon=True).start()
        collecting = self._collecting
        if not wait([collecting], self._wait_s).done:
            self._collection_errors.add()
            log.warning("Database and broker gave no metrics within %g s; they are left out.", self._wait_s)
            return []
        # Before the result, which may be an error: the next answer begins another collection.
        self._collecting = None
        return collecting.result()

    def _collect(self, collecting: Future[list[Metric]]) -> None:
        try:
            collecting.set_result(list(self._station.collect()))
        except Exception as error:  # noqa: BLE001 - raised where the result is waited for
            collecting.set_exception(error)
        finally:
            # Django keeps a connection for each thread.
            connection.close()


OWN = ("process_", "python_", "skycam_background_")
"""The metrics of this process itself; others of its registry belong to code that only the web part uses."""


class OwnProcess(Collector):
    def collect(self) -> Iterator[Metric]:
        return (family for family in REGISTRY.collect() if family.name.startswith(OWN))


class MetricsPage:
    """Any thread may render; one does at a time."""

    def __init__(self, collectors: Sequence[Collector]) -> None:
        self._collectors, self._lock = collectors, threading.Lock()
        self._rendered: tuple[float, bytes] = (-LIFE_S, b"")

    def render(self) -> bytes:
        """In Prometheus text format."""
        with self._lock:
            rendered_at, text = self._rendered
            if time.monotonic() - rendered_at >= LIFE_S:
                text = render(self._collectors)
                self._rendered = (time.monotonic(), text)
            return text


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
