"""The time from the kill of a camera process to the next saved capture."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psutil

from bench.figures import Table, Times
from bench.runs import Runs
from bench.station import BenchStation, Client
from tests.harness.stations.http_client import Refused
from tests.harness.waiting import eventually

HEALTHY_S = 0.2
"""This station resets the back-off at once, so that each kill counts as the first."""
LIMIT = "2 s"


def run(runs: Runs) -> list[Table]:
    found = Table("Reopening after a killed camera process: kill -9, then capture requests without a pause")
    patience = {"SKYCAM_SUPERVISION__HEALTHY_S": str(HEALTHY_S), "SKYCAM_SUPERVISION__CRASH_LOOP_EXITS": "1000"}
    with BenchStation(runs.folder / "reopening", **patience) as station:
        client = station.client()
        client.capture()
        times = Times(tuple(milliseconds_to_capture(station, client) for _ in range(runs.times(20))))
    slowest = f"slowest {max(times.ms) / 1000:.2f} s"
    found.add("Until the next capture is saved", f"{times.median / 1000:.2f} s", LIMIT, slowest)
    return [found]


def milliseconds_to_capture(station: BenchStation, client: Client) -> float:
    """Milliseconds from the kill to the answer of the first capture that is saved."""
    [process] = camera_processes(station)
    time.sleep(2 * HEALTHY_S)
    began = time.perf_counter()
    process.kill()
    eventually(lambda: captures_successfully(client), what="a capture after the kill")
    return (time.perf_counter() - began) * 1000


def captures_successfully(client: Client) -> bool:
    try:
        client.capture()
    except Refused:
        return False
    return True


def camera_processes(station: BenchStation) -> Iterator[psutil.Process]:
    return (one for one in station.station.processes() if "cameras.runtime" in one.cmdline())
