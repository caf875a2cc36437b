"""GET settings/, the small request of a polling program, compared with the server without Django."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from bench.figures import Table, timed
from bench.runs import PROJECT, Runs
from bench.station import Client
from tests.harness.stations.station import free_port
from tests.harness.waiting import eventually

CONNECTIONS = 4


def run(runs: Runs) -> list[Table]:
    found = Table("GET /api/v1/cameras/{slug}/settings/")
    client = runs.station.client()
    timed(client.settings, 50)
    times = timed(client.settings, runs.times(1500))
    found.add("Requests on one connection", f"{times.per_second:.0f} /s", "300 /s", str(times))
    found.add(f"Requests on {CONNECTIONS} connections", f"{at_once(runs):.0f} /s")
    with hello() as port:
        asking = Client(port)
        plain = timed(lambda: asking.get("/"), runs.times(1500))
    share = times.median / plain.median
    found.add(
        "uvicorn alone, an answer without content",
        f"{plain.per_second:.0f} /s",
        note=f"{plain}; Skycam takes {share:.1f} times as long",
    )
    return [found]


def at_once(runs: Runs) -> float:
    """Requests per second over CONNECTIONS parallel connections."""
    each = runs.times(500)
    clients = [runs.station.client() for _ in range(CONNECTIONS)]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        found = list(pool.map(lambda client: timed(client.settings, each), clients))
    return sum(times.per_second for times in found)


@contextmanager
def hello() -> Iterator[int]:
    """The port of a uvicorn with Skycam's setup that answers `{}`."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "bench.hello", str(port)], cwd=PROJECT)
    try:
        eventually(lambda: _listens(port))
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
