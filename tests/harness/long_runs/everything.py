"""A station in use, and at the same time a camera process of each kind in each mode of use, for a given time."""

from __future__ import annotations

from pathlib import Path

import psutil

from tests.harness.long_runs.cameras import working
from tests.harness.long_runs.slopes import Used, measure
from tests.harness.long_runs.station_in_use import in_use

WARM_UP_ROUNDS = 800
"""Afterwards memory is almost constant: lists have full pages, each thread of the web part has served each page, and
decoders have been opened and closed about two dozen times. It takes about nine minutes.

A process that records H.265 needs 22 minutes. What it allocates is constant from the start, but it uses its heap page
after page, one each second."""


def run(folder: Path, seconds: float) -> list[Used]:
    """Run everything for `seconds`. AssertionError for a camera without pictures; psutil.NoSuchProcess for a part that
    ended."""
    with in_use(folder) as station, working(folder / "cameras", station.station.config.redis_url) as cameras:
        processes = station.processes() + [
            (camera.used, psutil.Process(camera.process.process.pid)) for camera in cameras
        ]

        def use_all() -> None:
            station.use_once()
            for camera in cameras:
                camera.use_once()

        station.run_periodic_tasks()
        for _ in range(WARM_UP_ROUNDS):
            use_all()
        measure(processes, seconds, use_all)
        failed = [f"{camera.used}: {camera.process.state}" for camera in cameras if not camera.works]
        assert not failed, "\n".join(["These do not work:", *failed])
        return [used for used, _ in processes]
