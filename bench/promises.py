"""What the documents promise in seconds, each measured on one running station and beside its limit."""

from __future__ import annotations

import os

from bench.figures import Table
from bench.notifying import NOTIFYING
from bench.outages import OUTAGES
from bench.promise import Promise, add_figure
from bench.recoveries import RECOVERIES, recording_costs
from bench.runs import Runs
from bench.sensor import add_sensor
from bench.stopping import STOPPING
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, WITH_SERVICE, Station

KILLS_WHILE_RECORDING = 3
LOST_S, GAP_S = 1.0, 2.0
"""Of a recording, by a kill of the camera's process."""
NOT_MEASURED = (
    ("The part sensors hangs, until readings go on", "25 s", "as the worker: the launcher watches both alike"),
    ("The last second of a recording, lost with the power", "1 s", "needs a machine that loses its power"),
    ("A USB camera delivers nothing, until it is opened again", "after 4 s", "needs a USB camera"),
    ("A read of a USB camera hangs in the kernel, until closing goes on", "after 1 s", "needs a USB camera"),
    ("A silent RTSP camera, until it is opened again", "after 8 s", "as the MJPEG camera, with a longer wait"),
    ("A thermometer unplugged, until the others of its bus are read", "2.5 s", "needs a 1-Wire bus"),
    ("A test of a sensor whose driver hangs, until it ends", "19 s", "a wait of its own length"),
    ("Between two checks for clips to delete", "2 s", "an interval; `retention` measures a check"),
)
"""Promise, limit, and why it has no figure."""


def run(runs: Runs) -> list[Table]:
    found = Table("Promised times, on one station: python -m bench promises")
    load = os.getloadavg()[0]
    station = Station(runs.folder / "promises", **ANY_NUMBER_OF_KILLS, **WITH_SERVICE)
    try:
        station.up_with_camera()
        add_sensor(station)
        add_all(found, (*RECOVERIES, *NOTIFYING, *OUTAGES), station, runs)
        add_recording(found, station, runs.times(KILLS_WHILE_RECORDING))
        add_all(found, STOPPING, station, runs)
    finally:
        station.ensure_stopped()
    others = f"{load:.0f} before, {os.getloadavg()[0]:.0f} after"
    found.add("Load of the machine", others, note=f"{os.cpu_count()} cores; the limits are for idle ones")
    for what, limit, why in NOT_MEASURED:
        found.add(what, "not measured", limit, why)
    return [found]


def add_all(found: Table, promises: tuple[Promise, ...], station: Station, runs: Runs) -> None:
    for promise in promises:
        times = 1 if runs.quick else promise.times
        worst_s = max(promise.measure(station) for _ in range(times))
        add_figure(found, promise.what, worst_s, promise.limit_s, times, is_wait=promise.is_wait)


def add_recording(found: Table, station: Station, kills: int) -> None:
    lost_s, gap_s = recording_costs(station, kills)
    add_figure(found, "The process of a recording camera killed: video lost before the kill", lost_s, LOST_S, kills)
    add_figure(found, "The same, from the kill to the first frame of the next clip", gap_s, GAP_S, kills)
