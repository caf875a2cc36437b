"""Recording: the cost of a recording camera, alone and with three others and twenty viewers."""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path
from typing import Any

import psutil

from bench.figures import Table
from bench.light_viewers import SeenFrames, light_viewers
from bench.live import cpu_seconds
from bench.runs import Runs
from cameras.tables import CONSUMERS
from tests.harness.camera_processes.camera_process import AS_AT_A_STATION, CameraProcess
from tests.harness.stations.station import MANY_VIEWERS, Station
from tests.harness.waiting import eventually

RECORDING: dict[str, Any] = {
    "kind": "rolling", "clip_s": 600, "preset": "ultrafast", "crf": 23, "max_kbit_s": 8000, "floor_bytes": 0,
    "requested_by": "bench",
}  # fmt: skip
SCENES: dict[str, dict[str, Any]] = {
    "the chart": {"scene": "chart", "fps": 15, "exposure_us": 10_000},
    "a noisy chart": {"scene": "chart", "fps": 15, "exposure_us": 60_000, "gain": 16, "shot_noise": True},
}
"""With the noisy scene, drawing the noise is a large part of the camera process's work."""
MEASURED_S = 30
WARM_UP_S = 5.0
VIEWERS = 20
CAMERAS = 4
MOST_PERCENT, P99_MS = 20, 40


def run(runs: Runs) -> list[Table]:
    found = Table("Recording 1280x1024 at 15 fps into H.264, one camera process, everything included")
    for name, scene in SCENES.items():
        add_scene_rows(found, name, scene, runs.folder / f"recording-{len(found.rows)}", runs.times(MEASURED_S))
    return [found, record_four_cameras(runs)]


def add_scene_rows(found: Table, name: str, scene: dict[str, Any], root: Path, seconds: int) -> None:
    root.mkdir()
    with CameraProcess(root, settings=scene, recording=RECORDING, consumers=CONSUMERS, **AS_AT_A_STATION) as camera:
        camera.wait_for_message(lambda message: frames_of(message) > 30, 60)
        process, before = psutil.Process(camera.process.pid), frames_of(camera.messages[-1])
        used, began = sum(process.cpu_times()[:2]), time.monotonic()
        camera.wait_for_message(
            lambda message: message["type"] == "state" and time.monotonic() - began > seconds, seconds + 10
        )
        took, recorder = time.monotonic() - began, camera.messages[-1]["recorder"]
        share = 100 * (sum(process.cpu_times()[:2]) - used) / took
    frames = f"{(recorder['frames'] - before) / took:.1f} fps, {recorder['lost_frames']} lost"
    found.add(f"{name}, of a core", f"{share:.1f} %", f"{MOST_PERCENT} %", frames)
    found.add(f"{name}, on the disk", f"{recorder['mb_per_min']:.1f} MB/min", note="crf 23, at most 8 Mbit/s")


def frames_of(message: dict[str, Any]) -> int:
    return int((message.get("recorder") or {}).get("frames", 0))


def record_four_cameras(runs: Runs) -> Table:
    found = Table(f"{CAMERAS} cameras record the chart, 1280x1024 at 15 fps, and one of them has {VIEWERS} viewers")
    station = Station(runs.folder / "four", **MANY_VIEWERS)
    try:
        station.up_with_camera()
        slugs = ["simulated", *(add_camera(station, number) for number in range(1, CAMERAS))]
        for slug in slugs:
            # Drawing the simulated sky takes a camera 50 ms every two seconds, which is no part of recording.
            station.api.ask("PATCH", f"cameras/{slug}/settings/", SCENES["the chart"])
            station.api.ask("POST", f"cameras/{slug}/record/", {})
        asyncio.run(add_rows(found, station, slugs, runs.times(MEASURED_S)))
        station.stop()
    finally:
        station.ensure_stopped()
    return found


def add_camera(station: Station, number: int) -> str:
    camera = {"slug": f"sim-{number}", "kind": "simulated", "address": f"sim-{number}"}
    station.api.ask("POST", "cameras/", camera)
    status = f"cameras/{camera['slug']}/status/"
    eventually(lambda: station.api.ask("GET", status)["observed"] == "ready", "the camera is ready")
    return camera["slug"]


async def add_rows(found: Table, station: Station, slugs: list[str], seconds: int) -> None:
    processes = {name: psutil.Process(pid) for name, pid in station.running_pids().items()}
    cameras = {f"camera {one.pid}": one for one in camera_processes(station)}
    async with light_viewers(station, VIEWERS) as seen:
        await asyncio.sleep(WARM_UP_S)
        for one in seen:
            one.forget()
        before, began = cpu_seconds(processes | cameras), time.monotonic()
        await asyncio.sleep(seconds)
        took, after = time.monotonic() - began, cpu_seconds(processes | cameras)
        late = sorted(value for one in seen for value in one.late_ms)
    used = {name: 100 * (after[name] - before[name]) / took for name in after}
    recorders = [station.api.ask("GET", f"cameras/{slug}/status/")["recorder"] for slug in slugs]
    add_shares(found, seen, used, cameras)
    found.add("Frames lost by recording", f"{sum(recorder['lost_frames'] for recorder in recorders)}", "0")
    found.add("Live view, median", f"{statistics.median(late):.1f} ms")
    found.add("Live view, 99th percentile", f"{late[int(0.99 * (len(late) - 1))]:.1f} ms", f"{P99_MS} ms")


def add_shares(
    found: Table, seen: list[SeenFrames], used: dict[str, float], cameras: dict[str, psutil.Process]
) -> None:
    each = ", ".join(f"{used[name]:.1f}" for name in cameras)
    frames = f"{len(seen[0].numbers)} frames to each viewer"
    found.add("The four cameras, of a core", f"{sum(used[name] for name in cameras):.1f} %", note=f"each {each}")
    rest = {name: share for name, share in used.items() if name not in cameras}
    found.add("The rest of the station", f"{sum(rest.values()):.1f} %", note=frames)


def camera_processes(station: Station) -> list[psutil.Process]:
    return [one for one in station.processes() if "cameras.runtime" in one.cmdline()]
