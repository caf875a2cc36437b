"""The PixeLink service: captures and settings as existing clients request them, and live pictures."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import psutil

from bench.capturing import measured_legs
from bench.figures import Table, Times, timed
from bench.runs import Runs
from bench.station import SCENE, BenchStation, Client

EXPOSURE_US = 1000
CLIENTS = 100
VIEWERS = 5
FPS = 30
MEASURED_S = 15
STALLED_S = 5
HEAD = re.compile(rb"Content-Length: (\d+)\r\nX-Frame-Number: (\d+)")
REQUEST = b"GET /video/feed HTTP/1.1\r\nHost: localhost\r\n\r\n"


def run(runs: Runs) -> list[Table]:
    return [captures(runs), settings(runs), feed(runs)]


def client_of(runs: Runs) -> Client:
    return Client(runs.station.station.service_port)


def capture(client: Client) -> None:
    client.request("POST", "/capture", {"exposure": EXPOSURE_US})


def captures(runs: Runs) -> Table:
    found = Table("POST :8001/capture: 1 ms exposure, 1280x1024 JPEG of quality 95, one after the other")
    client = client_of(runs)
    large = timed(lambda: capture(client), runs.times(500), warm_up=30)
    runs.station.set_scene({})
    small = timed(lambda: capture(client), runs.times(500), warm_up=10)
    runs.station.set_scene(SCENE)
    legs = measured_legs(runs)
    outside_ms = legs["exposure"] + legs["encode"] + legs["fsync"]
    found.add("The default sky, files of 50 kB", f"{small.per_second:.1f} /s", "50 /s", str(small))
    found.add("A noisy scene, files of 500 kB", f"{large.per_second:.1f} /s", "50 /s", str(large))
    found.add(
        "of the noisy scene, exposure, JPEG and fsync", f"{outside_ms:.1f} ms", note=f"{legs['fsyncs']:.0f} fsyncs"
    )
    found.add(
        "of the noisy scene, Skycam's share",
        f"{large.median - outside_ms:.1f} ms",
        note=f"{1 - outside_ms / large.median:.0%} of it",
    )
    return found


def settings(runs: Runs) -> Table:
    found = Table("GET :8001/settings")
    client = client_of(runs)
    times = timed(lambda: client.get("/settings"), runs.times(1500), warm_up=50)
    found.add("Requests on one connection", f"{times.per_second:.0f} /s", "300 /s", str(times))
    answered, sent, took_s, slowest = request_in_parallel(runs)
    found.add(f"{CLIENTS} clients at once", f"{answered / took_s:.0f} /s", "300 /s", f"slowest answer {slowest:.0f} ms")
    found.add(f"{CLIENTS} clients at once, without an answer", f"{sent - answered}", "0", f"of {sent}")
    return found


def request_in_parallel(runs: Runs) -> tuple[int, int, float, float]:
    """The numbers of answered and sent requests, the seconds, and the slowest answer in ms."""
    each = runs.times(50)

    def read_settings(_number: int) -> Times:
        client = client_of(runs)
        return timed(lambda: client.get("/settings"), each, warm_up=0)

    began = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        found = list(pool.map(read_settings, range(CLIENTS)))
    took_s = time.monotonic() - began
    return sum(len(times.ms) for times in found), CLIENTS * each, took_s, max(max(times.ms) for times in found)


@dataclass
class ReceivedFrames:
    """Numbers and size of the frames that a viewer received."""

    numbers: list[int] = field(default_factory=list)
    bytes: int = 0
    began: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def lost(self) -> int:
        return self.numbers[-1] - self.numbers[0] + 1 - len(self.numbers)


def feed(runs: Runs) -> Table:
    found = Table(f":8001/video/feed, 1280x1024 at {FPS} fps")
    runs.station.client().request("PATCH", "/api/v1/cameras/simulated/settings/", {"fps": FPS})
    try:
        asyncio.run(add_viewers(found, runs))
    finally:
        runs.station.set_scene(SCENE | {"fps": 15.0})
    return found


async def add_viewers(found: Table, runs: Runs) -> None:
    service = process_of(runs.station)
    async with viewers(runs) as seen:
        await asyncio.sleep(3.0)
        for one in seen:
            one.numbers.clear()
        before, cpu, began = service.memory_info().rss, sum(service.cpu_times()[:2]), time.monotonic()
        await asyncio.sleep(runs.times(MEASURED_S))
        took = time.monotonic() - began
        used = 100 * (sum(service.cpu_times()[:2]) - cpu) / took
        rates = [len(one.numbers) / took for one in seen]
        lost = sum(one.lost for one in seen)
        note = f"{lost} frames lost; frames of {seen[0].bytes // 1000} kB; the service takes {used:.1f} % of a core"
        found.add(f"{VIEWERS} clients, the slowest", f"{min(rates):.1f} fps", f"{FPS} fps", note)
        with stalled_client(runs):
            await asyncio.sleep(STALLED_S)
            more = service.memory_info().rss - before
    found.add("A client that never reads, memory of the service", f"{more / 1e6:+.1f} MB", note=f"after {STALLED_S} s")


def process_of(station: BenchStation) -> psutil.Process:
    return psutil.Process(station.station.pid_of_running("service"))


@contextlib.asynccontextmanager
async def viewers(runs: Runs) -> AsyncIterator[list[ReceivedFrames]]:
    seen = [ReceivedFrames() for _ in range(VIEWERS)]
    tasks = [asyncio.create_task(watch_stream(runs, one)) for one in seen]
    try:
        async with asyncio.timeout(20):
            await asyncio.gather(*(one.began.wait() for one in seen))
        yield seen
    finally:
        [task.cancel() for task in tasks]
        await asyncio.gather(*tasks, return_exceptions=True)


async def watch_stream(runs: Runs, seen: ReceivedFrames) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", runs.station.station.service_port, limit=1 << 22)
    try:
        writer.write(REQUEST)
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            if match := HEAD.search(head):
                seen.bytes = int(match[1])
                seen.numbers.append(int(match[2]))
                seen.began.set()
    finally:
        writer.close()


@contextlib.contextmanager
def stalled_client(runs: Runs) -> Iterator[None]:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", runs.station.station.service_port))
        connection.sendall(REQUEST)
        yield
