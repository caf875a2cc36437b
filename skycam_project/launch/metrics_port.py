"""The port on which a camera host serves its metrics, on threads of its own beside the Supervisor: what this process
knows, what the database and broker know, and processor time and memory of the station's parts; and a small HTTP
server for `GET /metrics` alone, with a deadline for each connection, and few of them at a time."""

from __future__ import annotations

import asyncio
import hmac
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from http import HTTPStatus
from urllib.parse import urlsplit

import psutil
from django.db import connection
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from cameras.supervision.supervisor import Host
from core.api.authorization import token_of
from core.collection_errors import COLLECTION_ERRORS, CollectionErrors
from core.periodic.thread import PeriodicThread, stop_together
from core.retrying_thread import RetryingThread
from core.station_owner import StationOwner
from monitoring.metrics import StationCollector, render
from skycam_project.config import SkycamConfig
from skycam_project.config.network import is_loopback
from skycam_project.launch.control import part_rows
from skycam_project.launch.preflight import LaunchError

log = logging.getLogger(__name__)

USAGE_LIFE_S = 60.0


@dataclass(frozen=True, slots=True)
class PartUsage:
    part: str
    cpu_s: float
    memory_bytes: int
    restarts: int
    running: bool


class PartUsages(Collector):
    """Only its thread measures; the usages are replaced whole, so any thread may read them. A part without a launcher
    here is left out."""

    def __init__(self, config: SkycamConfig) -> None:
        self._config = config
        self._measured: tuple[float, list[PartUsage]] = (-USAGE_LIFE_S, [])

    def measure(self) -> None:
        """psutil walks through the whole address space of a process for its proportional size: not each second."""
        try:
            rows = part_rows(self._config)
        except LaunchError:
            rows = []  # this part was started by hand
        found = [
            PartUsage(row["name"], *_usage_of(row["pid"]), row["restarts"], row["state"] == "running") for row in rows
        ]
        self._measured = (time.monotonic(), found)

    def collect(self) -> Iterator[Metric]:
        measured_at, found = self._measured
        usages = found if time.monotonic() - measured_at < USAGE_LIFE_S else []
        running = GaugeMetricFamily("skycam_part_running", "Whether the part runs on this host.", labels=["part"])
        restarts = GaugeMetricFamily(
            "skycam_part_restarts", "Restarts of the part since its launcher started.", labels=["part"]
        )
        processor = CounterMetricFamily(
            "skycam_part_cpu_seconds", "Processor time of the part's process and of its ended children.",
            labels=["part"],
        )  # fmt: skip
        memory = GaugeMetricFamily(
            "skycam_part_memory_bytes", "Proportional set size of the part's process.", labels=["part"]
        )
        for usage in usages:
            running.add_metric([usage.part], usage.running)
            restarts.add_metric([usage.part], usage.restarts)
            if usage.memory_bytes:
                processor.add_metric([usage.part], usage.cpu_s)
                memory.add_metric([usage.part], usage.memory_bytes)
        yield from (running, restarts, processor, memory)


def _usage_of(pid: int | None) -> tuple[float, int]:
    """Processor seconds and bytes; zeros for a process that has ended."""
    if pid is None:
        return 0.0, 0
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            times = process.cpu_times()
            return sum(times[:4]), process.memory_full_info().pss
    except psutil.Error:
        return 0.0, 0


STATION_WAIT_S = 4.0
"""Less than the ten seconds for which Prometheus waits. A database that is away may take longer than this to say so."""
RENDERED_LIFE_S = 1.0
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
        self._rendered: tuple[float, bytes] = (-RENDERED_LIFE_S, b"")

    def render(self) -> bytes:
        """In Prometheus text format."""
        with self._lock:
            rendered_at, text = self._rendered
            if time.monotonic() - rendered_at >= RENDERED_LIFE_S:
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


RETRY_S = 5.0
STOP_S = 2.0
STORE_S = 3.0


class MetricsPort:
    """A port that cannot be used raises an alert, is tried again, and stops nothing else."""

    def __init__(self, config: SkycamConfig, host: Host) -> None:
        self._settings, self._events = config.monitoring.prometheus, host.data.events
        self._alert = f"metrics.port:{config.host}"
        self._is_alerted = False
        counters, parts = host.counters, PartUsages(config)
        # What was counted until the end is stored.
        self._measuring = [
            PeriodicThread("stored-counters", counters.store, at_end=counters.store, on_error=counters.report_failure),
            PeriodicThread("disk-meter", host.disks.measure),
            PeriodicThread("part-usage", parts.measure),
        ]
        station = StationMetrics(StationCollector(StationOwner()))
        page = MetricsPage([station, host.metrics, parts, OwnProcess()])
        self._server = MetricsServer(page.render, self._settings.token)
        self._thread = RetryingThread("metrics-port", self._serve, on_error=self._report_failure, retry_s=RETRY_S)

    def start(self) -> None:
        if not self._settings.enabled:
            self._events.resolve_alert(self._alert)  # of the last run, which had it enabled
            return
        # After the Supervisor has locked the host's name: no other worker writes the files of its counters.
        for thread in (*self._measuring, self._thread):
            thread.start()

    def stop(self) -> None:
        self._thread.request_stop()
        self._server.stop()
        self._thread.stop(STOP_S)
        stop_together(self._measuring, STORE_S)

    def _serve(self) -> None:
        """Returns after the stop. OSError when the port cannot be used."""
        address = (self._settings.listens_on, self._settings.port)
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        with socket.create_server(address, family=family) as listening:
            self._events.resolve_alert(self._alert)
            self._is_alerted = False
            if not self._thread.is_stopping():
                self._server.serve(listening)

    def _report_failure(self, error: Exception) -> None:
        # Once: the thread tries again every few seconds.
        if self._is_alerted:
            return
        self._is_alerted = True
        settings = self._settings
        self._events.raise_alert(
            self._alert,
            f"Metrics cannot be served on {settings.listens_on} port {settings.port}: {error}. Stop the program that "
            "uses the port (`ss -tlnp` lists it), or set PROMETHEUS_PORT to a free one. Cameras are not affected.",
            "warning",
            None,
        )
