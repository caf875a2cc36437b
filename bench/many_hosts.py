"""64, 200 and 1,000 cameras on 8, 25 and 125 hosts: a real station with a camera of its own, on PostgreSQL, with hosts
of `bench.simulated_hosts` beside it. What the pages cost, what the servers do, how long commands take, and which limit
is reached first. `scripts/contain.py` ends all that it starts.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import cycle, pairwise
from typing import IO, Any, cast

import psutil
import psycopg
import redis

from bench.figures import Table, timed
from bench.pages import fetch_page
from bench.runs import Runs
from bench.simulated_hosts import name_of
from bench.station import BenchStation
from tests.harness.browsers.site import signed_in
from tests.harness.postgresql import postgresql
from tests.harness.project import PROJECT
from tests.harness.stations.http_client import Refused
from tests.harness.stations.station import Station

SIZES = ((64, 8), (200, 25), (1000, 125))
"""Cameras and hosts."""
RECORD_S = 30.0
"""Between two records of a camera."""
SETTLE_S, MEASURED_S = 10, 30
HOSTS_OF_PROCESS = 40
"""Two threads for each, and at most 100 connections of a process to the broker."""
PAGE_LIMIT_MS = 200
"""Of the status page with 64 cameras."""
PAGES = {"Status page": "/status/", "Dashboard": "/", "Page of cameras": "/cameras/", "Page of hosts": "/hosts/"}
ADD = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
import django
django.setup()
from cameras.models import Camera
from captures.models import StorageAssignment, StorageRoot
from bench.simulated_hosts import name_of
first, last, a_host = map(int, sys.argv[1:])
for number in range(last // a_host):
    root, _ = StorageRoot.objects.get_or_create(host=name_of(number), path="/far")
    StorageAssignment.objects.get_or_create(host=name_of(number), storage_class="captures", defaults={"root": root})
Camera.objects.bulk_create(
    Camera(slug=f"far-{number:04d}", name=f"Far {number}", kind="simulated", host=name_of(number // a_host))
    for number in range(first, last)
)
"""


def run(runs: Runs) -> list[Table]:
    sizes = SIZES[:2] if runs.quick else SIZES
    with postgresql() as address, BenchStation(runs.folder / "hosts", DATABASE_URL=address) as station:
        found, added = [], 0
        for cameras, hosts in sizes:
            station.station.run("-c", ADD, str(added), str(cameras), str(cameras // hosts))
            added = cameras
            with simulated_hosts(station, hosts) as far:
                found.append(measured(station, address, far, cameras, runs.times(20)))
            print(f"{cameras} cameras: {json.dumps(found[-1])}", flush=True)
    return [table_of(size, one) for size, one in zip(sizes, found, strict=True)]


def table_of(size: tuple[int, int], found: dict[str, str]) -> Table:
    table = Table(f"{size[0]:,} simulated cameras on {size[1]} hosts, beside a real one")
    for name, text in found.items():
        limit = f"{PAGE_LIMIT_MS} ms" if name == "Status page" and size[0] == SIZES[0][0] else ""
        table.add(name, text, limit)
    return table


@contextmanager
def simulated_hosts(station: BenchStation, hosts: int) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that have all hosts between them."""
    count = -(-hosts // HOSTS_OF_PROCESS)
    ends = [number * hosts // count for number in range(count + 1)]
    environment = station.station.environment | station.station.shared_identity
    broker = station.station.config.redis_url
    environment |= {"REDIS_URL": broker, "SKYCAM_HOST": "far"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "bench.simulated_hosts", str(first), str(last - 1), str(RECORD_S)],
            env=environment, cwd=PROJECT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        for first, last in pairwise(ends)
    ]  # fmt: skip
    try:
        for process in processes:
            line = cast(IO[str], process.stdout).readline()
            assert line == "ready\n", line
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def counts_of(processes: list[subprocess.Popen[str]]) -> dict[str, list[Any]]:
    """Of all hosts, since the last call."""
    found: dict[str, list[Any]] = {}
    for process in processes:
        print("counts", file=cast(IO[str], process.stdin), flush=True)
        for name, values in json.loads(cast(IO[str], process.stdout).readline()).items():
            found.setdefault(name, []).extend(values)
    return found


def measured(
    station: BenchStation, address: str, far: list[subprocess.Popen[str]], cameras: int, times: int
) -> dict[str, str]:
    time.sleep(SETTLE_S)
    counts_of(far)
    with redis.Redis.from_url(station.station.config.redis_url) as broker:
        before, began = usage(station, address, broker, far), time.monotonic()
        time.sleep(MEASURED_S)
        after, passed_s = usage(station, address, broker, far), time.monotonic() - began
        counts = counts_of(far)
        silent = [one for one in range(len(counts["rounds"])) if not broker.exists(key(station, name_of(one)))]
    rates = {name: (after[name] - before[name]) / passed_s for name in after}
    pages = page_times(station, times)
    with psycopg.connect(address) as database:
        [(used,)] = database.execute("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
        [(most,)] = database.execute("SELECT current_setting('max_connections')::int")
    record_ms = sorted(ms for one in counts["record_ms"] for ms in one)
    stored, hosts = sum(counts["stored"]) / passed_s, len(counts["rounds"])
    rounds, late_s = sum(counts["rounds"]) / hosts / passed_s, max(counts["late_s"])
    limits = {
        "connections of PostgreSQL": used / most,
        "processors of this machine": sum(rates[name] for name in rates if name in PARTS) / (os.cpu_count() or 1),
        "rounds of the hosts": 1 - rounds,
    }
    first = max(limits, key=lambda name: limits[name])
    return {
        **pages,
        "GET /api/v1/cameras/": str(timed(lambda: station.client().get("/api/v1/cameras/"), times)),
        "Command to a simulated host, there and back": commands(station, cameras, 5 * times),
        "Transactions": f"{rates['transactions']:.0f} a second",
        "Redis commands": f"{rates['commands']:.0f} a second",
        **{f"Processor: {name}": f"{100 * rates[name]:.0f} % of one" for name in PARTS},
        "Connections to PostgreSQL": f"{used} of {most}",
        "Records stored": f"{stored:.1f} of {cameras / RECORD_S:.1f} a second; median {middle(record_ms):.0f} ms",
        "Rounds of a host": f"{rounds:.2f} of 1 a second, at most {late_s:.1f} s late",
        "Hosts without a heartbeat": f"{len(silent)} of {hosts}",
        "Failures": "; ".join(sorted({text for one in counts["failures"] for text in one})[:2]) or "none",
        "Nearest to its limit": f"{first}: {100 * limits[first]:.0f} %",
    }


PARTS = ("web", "jobs, beat", "camera host", "PostgreSQL", "Redis", "simulated hosts")


def usage(
    station: BenchStation, address: str, broker: redis.Redis, far: list[subprocess.Popen[str]]
) -> dict[str, float]:
    """Totals until now: transactions, Redis commands, and processor seconds."""
    with psycopg.connect(address) as database:
        [(transactions, pid)] = database.execute(
            "SELECT xact_commit + xact_rollback, pg_backend_pid() FROM pg_stat_database "
            "WHERE datname = current_database()"
        ).fetchall()
        server = psutil.Process(pid).parent()
    assert server is not None
    info: dict[str, Any] = broker.info()
    pids = station.station.running_pids()
    others = [name for name in pids if name in {"jobs", "beat"}]
    return {
        "transactions": float(transactions),
        "commands": float(info["total_commands_processed"]),
        "web": tree_s(pids["web"]),
        "jobs, beat": sum(tree_s(pids[name]) for name in others),
        "camera host": tree_s(pids["worker"]),
        "PostgreSQL": tree_s(server.pid),
        "Redis": float(info["used_cpu_user"] + info["used_cpu_sys"]),
        "simulated hosts": sum(tree_s(process.pid) for process in far),
    }


def tree_s(pid: int) -> float:
    """Processor seconds of a process and its children, with those that ended."""
    process, total = psutil.Process(pid), 0.0
    for one in [process, *process.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            total += sum(one.cpu_times()[: 4 if one == process else 2])
    return total


def key(station: BenchStation, host: str) -> str:
    return f"{station.station.config.station.id}:host:{host}"


def page_times(station: BenchStation, times: int) -> dict[str, str]:
    return {name: web_page(station.station, path, times) for name, path in PAGES.items()}


def web_page(station: Station, path: str, times: int) -> str:
    """Its time, and the processor time of the web part, which the load of the machine changes less."""
    web, cookies = station.pid_of_running("web"), signed_in(f"http://127.0.0.1:{station.port}")
    headers = {"Cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())}
    with closing(http.client.HTTPConnection("127.0.0.1", station.port, timeout=120)) as browser:
        # The first one compiles the templates, and reads an hour of measurements.
        fetch_page(browser, path, headers)
        before = tree_s(web)
        took = timed(lambda: fetch_page(browser, path, headers), times, warm_up=0)
    return f"{took}; {1000 * (tree_s(web) - before) / times:.0f} ms of processor"


def commands(station: BenchStation, cameras: int, times: int) -> str:
    """Through the API, in turn to all hosts."""
    client, numbers, refused = station.client(), cycle(range(0, cameras, 7)), []

    def send() -> None:
        try:
            client.get(f"/api/v1/cameras/far-{next(numbers):04d}/settings/?refresh=1")
        except Refused as refusal:
            refused.append(refusal)

    found = timed(send, times, warm_up=2)
    return f"{found}" + (f"; {len(refused)} of {times} refused" if refused else "")


def middle(values: list[float]) -> float:
    return values[len(values) // 2] if values else 0.0
