"""What the cameras of a host cost: memory of their processes, idle, in a session, recording and afterwards, and the
processor time of sessions. MEMORY_MINUTES in the environment overrides the minutes of each leg."""

from __future__ import annotations

import os
import statistics
import time
from typing import Any

import psutil

from bench.figures import Table
from bench.runs import Runs
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

CAMERAS = 16
MINUTES = 10
SETTLED_S = 10.0
"""Until a camera that has nothing to do has given its memory back."""
IDLE_MB, SESSION_MB, RECORDING_MB, CORE_PERCENT = 60, 100, 140, 40
SESSION: dict[str, Any] = {"exposure_us": 1000, "cadence_s": 2}


def run(runs: Runs) -> list[Table]:
    minutes = float(os.environ.get("MEMORY_MINUTES", runs.times(MINUTES)))
    found = Table(f"What cameras cost: {CAMERAS} simulated ones of 1280 x 1024")
    station = Station(runs.folder / "camera-memory")
    try:
        station.up_with_camera()
        cameras = ["simulated", *(add_camera(station, number) for number in range(1, CAMERAS))]
        time.sleep(SETTLED_S)
        add_memory(found, "Idle", station, cameras, IDLE_MB, "no session since their start")
        add_sessions(found, station, cameras, minutes)
        add_recording(found, station, minutes)
    finally:
        station.ensure_stopped()
    return [found]


def add_camera(station: Station, number: int) -> str:
    slug = f"camera-{number}"
    answer = station.api.post("cameras/", {"slug": slug, "kind": "simulated"})
    assert answer.status == 201, answer
    station.cameras.eventually_ready(slug)
    return slug


def add_sessions(found: Table, station: Station, cameras: list[str], minutes: float) -> None:
    for slug in cameras:
        station.cameras.start_session(slug, **SESSION)
    began, used_s = time.monotonic(), processor_s(station, cameras)
    time.sleep(minutes * 60)
    percent = 100 * (processor_s(station, cameras) - used_s) / (time.monotonic() - began)
    what = f"In a session, after {minutes:g} min"
    add_memory(
        found, what, station, cameras, SESSION_MB, "a picture each 2 s; the highest of a minute's 30", samples=30
    )
    load = f"of the {CAMERAS} camera processes; load of the machine {os.getloadavg()[1]:.1f}"
    found.add("Processor time of the sessions", f"{percent:.0f} % of a core", f"{CORE_PERCENT} %", load)
    for slug in cameras:
        answer = station.api.post(f"cameras/{slug}/stop/", {})
        assert answer.status == 200, answer
    time.sleep(SETTLED_S)
    add_memory(found, "After the sessions", station, cameras, IDLE_MB, f"{SETTLED_S:g} s later")


def add_recording(found: Table, station: Station, minutes: float) -> None:
    station.api.ask("POST", "cameras/simulated/record/", {})
    station.cameras.start_session(**SESSION)
    time.sleep(minutes * 60)
    what, one = f"Session and recording, after {minutes:g} min", ["simulated"]
    add_memory(found, what, station, one, RECORDING_MB, "one camera, 15 frames a second, veryfast", samples=30)
    station.api.post("cameras/simulated/stop/", {})
    station.api.ask("POST", "cameras/simulated/stop-recording/", {})
    time.sleep(SETTLED_S)
    add_memory(found, "After session and recording", station, one, IDLE_MB, "FFmpeg's libraries stay loaded")


def add_memory(
    found: Table, what: str, station: Station, cameras: list[str], limit_mb: int, note: str, samples: int = 1
) -> None:
    """The median of the cameras, each with its highest of `samples` values, 2 s apart."""
    values = [memory_mb(station, cameras)]
    for _ in range(samples - 1):
        time.sleep(2)
        values.append(memory_mb(station, cameras))
    highest = [max(of_camera) for of_camera in zip(*values, strict=True)]
    found.add(what, f"{statistics.median(highest):.0f} MB", f"{limit_mb} MB", f"PSS; {note}")


def memory_mb(station: Station, cameras: list[str]) -> list[float]:
    return [process.memory_full_info().pss / 1e6 for process in processes(station, cameras)]


def processor_s(station: Station, cameras: list[str]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes(station, cameras))


def processes(station: Station, cameras: list[str]) -> list[psutil.Process]:
    pids = eventually(lambda: (found := station.cameras.pids()).keys() >= set(cameras) and found, "their processes")
    return [psutil.Process(pids[slug]) for slug in cameras]
