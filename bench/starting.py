"""Time from `skycam up` to the first saved picture, and the station's memory after it."""

from __future__ import annotations

from bench.figures import Table
from bench.parts import memory
from bench.runs import Runs
from bench.station import BenchStation


def run(runs: Runs) -> list[Table]:
    found = Table("From `skycam up` to the first saved capture")
    station = BenchStation(runs.folder / "fresh")
    station.station.finds_database = False
    try:
        found.add("Without a data folder", f"{station.start():.1f} s", note="requested over the API without a pause")
        station.stop()
        found.add("With an existing data folder", f"{station.start():.1f} s")
        used = memory(station)
    finally:
        station.stop()
    return [found, used]
