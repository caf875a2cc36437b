"""A backlog of records, as after an outage of the database: what a row costs, and how soon commands are confirmed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from bench.figures import Table
from bench.runs import Runs
from tests.harness.postgresql import own_server
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

BACKLOG = 5000
ROUNDS = 5
CONFIRMED_S = 1.0
ROW_MS = 8.0


def run(runs: Runs) -> list[Table]:
    with own_server() as address:
        return [
            measured("SQLite", Station(runs.folder / "ingesting"), runs.times(BACKLOG)),
            measured("PostgreSQL", Station(runs.folder / "ingesting-pg", DATABASE_URL=address), runs.times(BACKLOG)),
        ]


def measured(database: str, station: Station, records: int) -> Table:
    found = Table(f"Ingest of a backlog of records, on {database}")
    try:
        station.up()
        station.cameras.eventually_ready()
        add_row_cost(found, station, records)
        add_commands(found, station, records)
    finally:
        station.ensure_stopped()
    return found


def write_backlog(station: Station, records: int) -> Callable[[], int]:
    """Returns how many records wait in the spool, once the first are ingested."""
    station.run("-m", "tests.harness.rows.backlog", "simulated", str(records))

    def waiting() -> int:
        return sum(name.endswith(".done") for name in station.spools.files())

    eventually(lambda: waiting() < records, "the first records are ingested")
    return waiting


def add_row_cost(found: Table, station: Station, records: int) -> None:
    cameras = station.part("cameras")
    waiting = write_backlog(station, records)
    began, used_s, first = time.monotonic(), sum(cameras.cpu_times()[:2]), waiting()
    eventually(lambda: not waiting(), "all records are ingested")
    took_s, used_s = time.monotonic() - began, sum(cameras.cpu_times()[:2]) - used_s
    note = f"of the whole part, over {first} records; {first / took_s:.0f} rows a second"
    found.add("Processor time of a row", f"{used_s * 1000 / first:.2f} ms", f"{ROW_MS:g} ms", note)


def add_commands(found: Table, station: Station, records: int) -> None:
    session: dict[str, Any] = {"exposure_us": 1000, "cadence_s": 60}
    commands: dict[str, Callable[[int], Any]] = {
        "Start of a session": lambda _: station.api.post("cameras/simulated/start/", session),
        "Its stop": lambda _: station.api.post("cameras/simulated/stop/", {}),
        "Settings": lambda turn: station.api.call("PATCH", "cameras/simulated/settings/", {"gain": 1.0 + turn}),
    }
    waiting = write_backlog(station, records)
    took: dict[str, list[float]] = {what: [] for what in commands}
    left: list[int] = []
    for turn in range(ROUNDS):
        for what, send in commands.items():
            answer = send(turn)
            assert answer.status in {200, 201}, answer
            took[what].append(answer.took_s)
        left.append(waiting())
    for what, seconds in took.items():
        note = f"the longest of {ROUNDS}; {', '.join(map(str, left))} records waited after each round"
        found.add(f"{what}, until it is confirmed", f"{max(seconds):.2f} s", f"{CONFIRMED_S:g} s", note)
    eventually(lambda: not waiting(), "all records are ingested")
