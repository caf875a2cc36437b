"""A night of the simulated camera: how fast its pictures of the sky are made."""

from __future__ import annotations

import time

from bench.figures import Table, Times, timed
from bench.runs import Runs
from cameras.drivers.simulated.scenes.allsky import AllSkyScene
from cameras.drivers.simulated.scenes.base import ExposureSettings, SceneSettings

DUSK_NS = 1_789_059_600_000_000_000
"""2026-09-10 17:00 UTC, sunset at 48° north, 11° east."""
EVERY_NS = 30_000_000_000
FRAMES = 1500
EXPOSURE = ExposureSettings(20_000_000, iso=1600)


def run(runs: Runs) -> list[Table]:
    found = Table("A night of the simulated camera: the scene allsky, in one thread")
    found.add("A picture of 640x480, each 30 s later", str(apart(runs, 640, 480)), "25 ms")
    found.add("A picture of 1280x1024, each 30 s later", str(apart(runs, 1280, 1024)), "100 ms")
    frames = runs.times(FRAMES)
    began = time.perf_counter()
    night(640, 480, frames)
    found.add(f"{frames} pictures of 640x480 from dusk on", f"{time.perf_counter() - began:.1f} s", "40 s")
    return [found]


def apart(runs: Runs, width: int, height: int) -> Times:
    scene = AllSkyScene(SceneSettings(width, height))
    moments = iter(range(DUSK_NS, DUSK_NS + 10**18, EVERY_NS))
    return timed(lambda: scene.render(0, EXPOSURE, next(moments), 0.0), runs.times(200))


def night(width: int, height: int, frames: int) -> None:
    scene = AllSkyScene(SceneSettings(width, height))
    for number in range(frames):
        scene.render(number, EXPOSURE, DUSK_NS + number * EVERY_NS, 0.0)
