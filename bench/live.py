"""Live view, from the camera to programs that look: `python -m bench.live`. 1280x1024 at 15 fps, JPEG quality 75.

Rates are CPU of each part in per cent of one core; lateness is from the capture to the bytes in the viewer's hands.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import redis

from tests.live.stations import LiveStation
from tests.live.viewers import Seen, looking

VIEWERS = (1, 5, 20)
SCENES: tuple[dict[str, object], ...] = ({"shot_noise": False}, {"shot_noise": True, "exposure_us": 60_000, "gain": 16})
"""Smooth and small; noisy and large, where drawing the noise is most of the camera process's work."""
WARM_UP_S = 5.0
MEASURED_S = 15.0
FORGOTTEN_S = 12.0
"""After so long nobody is remembered to have looked."""


@dataclass(frozen=True)
class Row:
    viewers: int
    frames: int
    kilobytes: int
    lost: int
    encodes: int
    median_ms: float
    p99_ms: float
    cpu: dict[str, float]

    def __str__(self) -> str:
        cpu = "  ".join(f"{name} {share:.1f} %" for name, share in self.cpu.items())
        late = f"median {self.median_ms:.1f} ms  p99 {self.p99_ms:.1f} ms"
        frames = f"{self.frames} frames of {self.kilobytes} kB, {self.lost} lost  {self.encodes} encodes"
        return f"{self.viewers:3} viewers  {frames}  {late}  {cpu}"


class Encodes:
    """Counts what is published on the broker: the camera's process does that once for each encode, and hardly any
    other part does."""

    def __init__(self, station: LiveStation) -> None:
        self.server = redis.Redis.from_url(station.config.redis_url)
        self.total = 0
        self.count()

    def count(self) -> int:
        """Since the last time."""
        stats: Any = self.server.info("commandstats")
        before, self.total = self.total, stats.get("cmdstat_publish", {}).get("calls", 0)
        return int(self.total - before)


def cpu_seconds(processes: dict[str, psutil.Process]) -> dict[str, float]:
    return {name: sum(process.cpu_times()[:2]) for name, process in processes.items()}


async def measured(station: LiveStation, viewers: int, encodes: Encodes) -> Row:
    parts = {name: station.part(name) for name in ("web", "valkey")} | {"camera": station.camera_process()}
    async with looking(station, viewers) as seen:
        await asyncio.sleep(WARM_UP_S)
        for one in seen:
            forget(one)
        encodes.count()
        before, started = cpu_seconds(parts), time.monotonic()
        await asyncio.sleep(MEASURED_S)
        took, after = time.monotonic() - started, cpu_seconds(parts)
        return row(seen, encodes.count(), {name: 100 * (after[name] - before[name]) / took for name in parts})


def forget(seen: Seen) -> None:
    seen.numbers.clear()
    seen.came.clear()
    seen.late_ms.clear()


def row(seen: list[Seen], encodes: int, cpu: dict[str, float]) -> Row:
    late = sorted(value for one in seen for value in one.late_ms)
    lost = sum(one.numbers[-1] - one.numbers[0] + 1 - len(one.numbers) for one in seen)
    p99 = late[int(0.99 * (len(late) - 1))]
    return Row(
        len(seen), len(seen[0].numbers), seen[0].last_bytes // 1000, lost, encodes, statistics.median(late), p99, cpu
    )


async def unwatched(encodes: Encodes) -> int:
    await asyncio.sleep(FORGOTTEN_S)
    encodes.count()
    await asyncio.sleep(3)
    return encodes.count()


@contextmanager
def running() -> Iterator[LiveStation]:
    with tempfile.TemporaryDirectory(prefix="skycam-bench-") as folder:
        station = LiveStation(Path(folder) / "data")
        try:
            yield station.up()
        finally:
            station.stop()
            station.ensure_stopped()


def main() -> None:
    with running() as station:
        encodes = Encodes(station)
        for scene in SCENES:
            station.ask("/api/v1/cameras/simulated/settings/", scene, "PATCH", **station.token)
            for viewers in VIEWERS:
                print(asyncio.run(measured(station, viewers, encodes)), flush=True)
        print(f"unwatched: {asyncio.run(unwatched(encodes))} encodes in 3 s")
        print(f"{psutil.cpu_count()} cores, load {psutil.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
