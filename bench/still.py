"""The still path alone: a camera process without the rest of the station."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from bench.figures import Table, Times, timed
from bench.machine import durable
from bench.runs import Runs
from bench.station import DEFAULT_SCENE, EXPOSURE, SCENE
from cameras.drivers.simulated.scenes.base import ExposureSettings, SceneSettings
from cameras.drivers.simulated.scenes.chart import ChartScene
from captures.stills.formats import encode_jpeg
from tests.harness.camera_processes.camera_process import AS_AT_A_STATION, CameraProcess

IN_FLIGHT = 4


def run(runs: Runs) -> list[Table]:
    found = Table("The still path alone, in the camera process: 1280x1024, JPEG of quality 95")
    rate, alone = rates(runs, SCENE)
    dark, _ = rates(runs, DEFAULT_SCENE)
    most = least_work(runs).per_second
    found.add(
        "Stills of 500 kB, the next commands queued already",
        f"{rate:.0f} /s",
        "130 /s",
        f"{rate / most:.0%} of the last row",
    )
    found.add("Stills of 500 kB, one after the other", f"{alone.per_second:.0f} /s", note=str(alone))
    found.add("Stills of 50 kB, the default sky, the next commands queued already", f"{dark:.0f} /s", "130 /s")
    found.add("Start of a camera process until it is ready", str(start_times(runs)), "500 ms")
    found.add(
        "Encoding and one durable file of 500 kB, and nothing else",
        f"{most:.0f} /s",
        note="the limit of one thread here",
    )
    return [found]


def rates(runs: Runs, scene: dict[str, Any]) -> tuple[float, Times]:
    """Stills per second with queued commands, and the times of stills one after the other."""
    with camera(runs.folder, scene) as process:
        process.wait_for_type("observed", observed="ready")
        alone = timed(lambda: capture_once(process), runs.times(200), warm_up=20)
        return pipelined(process, runs.times(500)), alone


def least_work(runs: Runs) -> Times:
    light = {name: value for name, value in SCENE.items() if name != "scene"}
    scene = ChartScene(SceneSettings(1280, 1024, **light))
    picture = scene.render(0, ExposureSettings(EXPOSURE["exposure_us"]), 0, 0.0)
    return timed(lambda: durable(runs.folder, encode_jpeg(picture).tobytes()), runs.times(300))


def camera(folder: Path, scene: dict[str, Any]) -> CameraProcess:
    root = Path(mkdtemp(prefix="root-", dir=folder))
    return CameraProcess(root, settings={**EXPOSURE, **scene}, **AS_AT_A_STATION)


def capture_once(process: CameraProcess) -> None:
    capture = process.capture(**EXPOSURE)
    process.wait_for_type("spooled", id=capture)


def pipelined(process: CameraProcess, captures: int) -> float:
    """Captures per second with IN_FLIGHT queued commands, as from a session or two programs."""
    began = time.monotonic()
    for _ in range(IN_FLIGHT):
        process.capture(**EXPOSURE)
    for _ in range(captures - IN_FLIGHT):
        process.wait_for_type("spooled")
        process.capture(**EXPOSURE)
    for _ in range(IN_FLIGHT):
        process.wait_for_type("spooled")
    return captures / (time.monotonic() - began)


def start_times(runs: Runs) -> Times:
    """Start times of a process whose spool exists already."""
    root = Path(mkdtemp(prefix="root-", dir=runs.folder))
    return timed(lambda: start(root), 5, warm_up=1)


def start(root: Path) -> None:
    with CameraProcess(root, **AS_AT_A_STATION) as process:
        process.wait_for_type("observed", observed="ready")
