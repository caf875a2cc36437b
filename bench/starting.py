"""From `skycam up` to the first picture that is saved."""

from __future__ import annotations

from bench.figures import Table
from bench.runs import Runs
from bench.station import BenchStation


def run(runs: Runs) -> list[Table]:
    found = Table("From `skycam up` to the first saved capture")
    station = BenchStation(runs.folder / "fresh")
    for what in ("With nothing there yet", "With an existing data folder"):
        found.add(what, f"{started(station):.1f} s", note="asked for by API without pause")
    return [found]


def started(station: BenchStation) -> float:
    try:
        return station.start()
    finally:
        station.stop()
