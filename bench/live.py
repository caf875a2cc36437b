"""Live view, from the camera to viewers: 1280x1024 at 15 fps, JPEG of quality 75."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import redis

from bench.figures import Table
from bench.light_viewers import SeenFrames, light_viewers
from bench.runs import Runs
from tests.harness.stations.station import MANY_VIEWERS, Station

VIEWERS = (1, 5, 20)
SCENES: dict[str, dict[str, object]] = {
    "the chart": {"scene": "chart", "shot_noise": False},
    "a noisy chart": {"scene": "chart", "shot_noise": True, "exposure_us": 60_000, "gain": 16},
}
"""One is smooth and small. The other is noisy and large: drawing the noise is most of the camera process's work."""
MEDIAN_MS, P99_MS = 10, 40
WARM_UP_S = 5.0
MEASURED_S = 15
FORGOTTEN_S = 12.0
"""After this time the station counts no viewer any more."""


def run(runs: Runs) -> list[Table]:
    with running(runs) as station:
        encodes = Encodes(station)
        tables = [of_scene(runs, station, encodes, name, scene) for name, scene in SCENES.items()]
        tables[-1].add("Encodes while no one is watching", f"{asyncio.run(unwatched_encodes(encodes))}", "0", "in 3 s")
        return tables


@contextmanager
def running(runs: Runs) -> Iterator[Station]:
    station = Station(runs.folder / "live", **MANY_VIEWERS)
    try:
        yield station.up_with_camera()
    finally:
        station.stop()
        station.ensure_stopped()


def of_scene(runs: Runs, station: Station, encodes: Encodes, name: str, scene: dict[str, object]) -> Table:
    station.api.ask("PATCH", "cameras/simulated/settings/", scene)
    found = Table(f"Live view of {name}, 1280x1024 at 15 fps: from the capture to the viewer")
    for viewers in VIEWERS:
        asyncio.run(add_rows(found, station, viewers, encodes, runs.times(MEASURED_S)))
    return found


class Encodes:
    """Counts the messages that the broker publishes. The camera process publishes one for each encode; other parts
    publish hardly any."""

    def __init__(self, station: Station) -> None:
        self.server = redis.Redis.from_url(station.config.redis_url)
        self.total = 0
        self.count()

    def count(self) -> int:
        """The number of encodes since the previous call."""
        stats: Any = self.server.info("commandstats")
        before, self.total = self.total, stats.get("cmdstat_publish", {}).get("calls", 0)
        return int(self.total - before)


async def add_rows(found: Table, station: Station, viewers: int, encodes: Encodes, seconds: int) -> None:
    parts = {name: station.part(name) for name in ("web", "valkey")} | {"camera": station.cameras.process()}
    async with light_viewers(station, viewers) as seen:
        await asyncio.sleep(WARM_UP_S)
        for one in seen:
            one.forget()
        encodes.count()
        before, started = cpu_seconds(parts), time.monotonic()
        await asyncio.sleep(seconds)
        took, after = time.monotonic() - started, cpu_seconds(parts)
        used = {name: 100 * (after[name] - before[name]) / took for name in parts}
        add_lateness(found, seen)
        add_cost(found, seen, encodes.count(), used)


def add_lateness(found: Table, seen: list[SeenFrames]) -> None:
    late = sorted(value for one in seen for value in one.late_ms)
    lost = sum(one.numbers[-1] - one.numbers[0] + 1 - len(one.numbers) for one in seen)
    frames = f"{len(seen[0].numbers)} frames of {seen[0].last_bytes // 1000} kB, {lost} lost"
    found.add(f"{len(seen)} viewers, median", f"{statistics.median(late):.1f} ms", f"{MEDIAN_MS} ms", frames)
    found.add(f"{len(seen)} viewers, 99th percentile", f"{late[int(0.99 * (len(late) - 1))]:.1f} ms", f"{P99_MS} ms")


def add_cost(found: Table, seen: list[SeenFrames], encodes: int, used: dict[str, float]) -> None:
    cpu = ", ".join(f"{name} {share:.1f} %" for name, share in used.items())
    found.add(f"{len(seen)} viewers, encodes", f"{encodes}", f"{len(seen[0].numbers)}", f"of a core: {cpu}")


def cpu_seconds(processes: dict[str, psutil.Process]) -> dict[str, float]:
    return {name: sum(process.cpu_times()[:2]) for name, process in processes.items()}


async def unwatched_encodes(encodes: Encodes) -> int:
    await asyncio.sleep(FORGOTTEN_S)
    encodes.count()
    await asyncio.sleep(3)
    return encodes.count()
