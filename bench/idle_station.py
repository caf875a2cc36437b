"""What an idle station asks its PostgreSQL and its broker, by part, with some cameras that are ready and do nothing."""

from __future__ import annotations

import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import redis

from bench.figures import Table
from bench.runs import Runs
from tests.harness.postgresql import own_server_at, url
from tests.harness.runs.folder import run_folder
from tests.harness.scenarios.two_hosts import SharedDatabase
from tests.harness.stations.outside_broker import Broker
from tests.harness.stations.station import MIGRATIONS_S, Station

CAMERAS = 4
"""Beside the simulated one of each new station."""
SETTLED_S, MEASURED_S = 30.0, 120.0
OF_HOST, OF_CAMERA = 1.0, 0.2
"""Transactions a second that an idle host and each of its cameras may cost."""
SETTINGS = {"log_statement": "all", "log_line_prefix": "%a|"}
STATEMENT = re.compile(r"skycam/[^/]*/(\w+)\|.*?LOG:  (?:statement|execute [^:]*): (\w+)")


def run(_runs: Runs) -> list[Table]:
    """Of a station of its own: the one of the other benches has no PostgreSQL."""
    folder = run_folder() / "idle"
    with tempfile.TemporaryDirectory() as data, own_server_at(folder), idle_station(Path(data), folder) as broker:
        time.sleep(SETTLED_S)
        return [measure(folder, broker)]


@contextmanager
def idle_station(data: Path, server: Path) -> Iterator[redis.Redis]:
    """Yields its broker."""
    address = url(server, "postgres")
    with psycopg.connect(address, autocommit=True) as connection:
        for name, value in SETTINGS.items():
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
        connection.execute(b"SELECT pg_reload_conf()")
    (data / "broker").mkdir()
    broker = Broker(data / "broker")
    station = Station(data / "data", SharedDatabase(address), DATABASE_URL=address, REDIS_URL=f"unix://{broker.socket}")
    try:
        station.start()
        station.eventually_says("Skycam is at", takes_s=10 * MIGRATIONS_S)
        for number in range(CAMERAS):
            station.api.ask("POST", "cameras/", {"slug": f"c{number}", "kind": "simulated"})
            station.cameras.eventually_ready(f"c{number}")
        yield redis.Redis(unix_socket_path=str(broker.socket))
    finally:
        station.ensure_stopped()
        broker.kill()


def measure(server: Path, broker: redis.Redis) -> Table:
    log = server / "log"
    before, begun, size = commands(broker), time.monotonic(), log.stat().st_size
    time.sleep(MEASURED_S)
    after, took_s = commands(broker), time.monotonic() - begun
    found = Table(f"An idle station on PostgreSQL with {CAMERAS + 1} cameras")
    by_part = transactions(log.read_bytes()[size:].decode(errors="replace"))
    limit = f"{OF_HOST + OF_CAMERA * (CAMERAS + 1):.1f}/s"
    found.add("Transactions", f"{by_part.total() / took_s:.2f}/s", limit, "1 a host and 0.2 a camera")
    for part, number in by_part.most_common():
        found.add(f"Transactions of {part}", f"{number / took_s:.2f}/s")
    found.add("Commands of Redis", f"{(after.total() - before.total()) / took_s:.1f}/s")
    return found


def transactions(log: str) -> Counter[str]:
    """Part -> its transactions. A statement outside of BEGIN and COMMIT is one. A part has one connection at a time
    while it is idle, so that its lines are in order."""
    found, opened = Counter[str](), set[str]()
    for part, word in STATEMENT.findall(log):
        if word == "BEGIN":
            opened.add(part)
        elif word in {"COMMIT", "ROLLBACK"}:
            opened.discard(part)
        found[part] += part not in opened
    return found


def commands(broker: redis.Redis) -> Counter[str]:
    stats: dict[str, Any] = broker.info("commandstats")
    return Counter({name: values["calls"] for name, values in stats.items()})
