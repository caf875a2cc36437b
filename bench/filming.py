"""One MJPEG camera, recorded and shown live, by Skycam and by Debian's motion; then each is killed."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import av
import psutil

from bench.figures import Table, Times
from bench.mjpeg import FPS, HEIGHT, WIDTH, monotonic_us
from bench.relay import (
    INSTALL,
    MOTION,
    MOTION_CONF,
    SKYCAM,
    SLUG,
    Relay,
    ended,
    measured,
    read_line,
    sends_pictures,
    serving,
    with_one_camera,
)
from bench.runs import Runs
from cameras.drivers.simulated.codec import read_frame_number
from tests.harness.stations.station import MANY_VIEWERS, Station, free_port
from tests.harness.waiting import eventually

VIEWERS = 20
MEASURED_S = 30
RUN_ON_S = 3.3
"""Delay from the last measurement to the kill, so that the kill does not coincide with the start of a group of
pictures."""


@dataclass(frozen=True)
class Filming:
    relay: Relay
    kill: Callable[[], None]
    files: Callable[[], list[Path]]
    """Lists the video files on the disk, oldest first, after restarting the killed program if it needs that."""


Started = Callable[[Runs, int], AbstractContextManager[Filming]]


def run(runs: Runs) -> list[Table]:
    found = Table(f"Recording one MJPEG camera, {WIDTH}x{HEIGHT} at {FPS} fps, with {VIEWERS} viewers of it")
    with serving("source") as source:
        port = int(read_line(source))
        for name, started in CONTENDERS.items():
            if name == MOTION and not shutil.which("motion"):
                found.add(MOTION, "not measured", note=f"not installed: {INSTALL}")
                continue
            with started(runs, port) as filming:
                add_rows(found, name, filming, runs.times(MEASURED_S))
    return [found]


def add_rows(found: Table, name: str, filming: Filming, seconds: int) -> None:
    began_us = monotonic_us()
    seen, cpu = measured(filming.relay, VIEWERS, seconds)
    time.sleep(RUN_ON_S)
    killed_us = monotonic_us()
    filming.kill()
    numbers = [number for file in filming.files() for number in frames_of(file)]
    times, used = Times(tuple(seen.late_ms)), sum(cpu[part] for part in filming.relay.parts)
    found.add(f"{name}, of a core", f"{used:.1f} %", note=f"{seen.fewest / seconds:.1f} fps to the slowest viewer")
    found.add(f"{name}, live view", f"{times.median:.1f} ms late", note=f"p99 {times.p99:.1f}")
    measured_numbers = [number for number in numbers if number > began_us]
    if measured_numbers:
        wanted = round((measured_numbers[-1] - measured_numbers[0]) * FPS / 1e6) + 1
        found.add(f"{name}, frames lost", f"{wanted - len(measured_numbers)}", note=f"of {wanted}")
        found.add(f"{name}, video lost by kill -9", f"{(killed_us - numbers[-1]) / 1e6:.2f} s")
    else:
        found.add(f"{name}, video lost by kill -9", "all of it", note="nothing on the disk can be played")


def frames_of(file: Path) -> list[int]:
    """The times encoded in the pixels of a file's frames; empty for a file that cannot be played."""
    try:
        with av.open(str(file)) as container:
            found = [read_frame_number(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    except av.FFmpegError:
        return []
    return [number for number in found if number is not None]


@contextlib.contextmanager
def skycam(runs: Runs, source: int) -> Iterator[Filming]:
    station = Station(runs.folder / "filming", **MANY_VIEWERS)
    try:
        station.up_with_camera()
        with_one_camera(station, source)
        station.api.ask("POST", f"cameras/{SLUG}/record/", {})
        parts = {name: psutil.Process(pid) for name, pid in station.running_pids().items()}
        camera = station.cameras.process(SLUG)
        relaying = {"camera": camera, "web": parts.pop("web"), "Valkey": parts.pop("valkey")}
        relay = Relay(station.port, relaying, parts, f"/ws/live/{SLUG}/", tuple(station.api.authorization.items()))
        yield Filming(relay, camera.kill, lambda: clips(station))
        station.stop()
    finally:
        station.ensure_stopped()


def clips(station: Station) -> list[Path]:
    """The clips, once the next process has finalized what the killed one left."""
    folder = station.config.storage_root / "clips"
    eventually(lambda: list(folder.rglob("*.mp4")), "the clip is filed")
    return sorted(folder.rglob("*.mp4"))


@contextlib.contextmanager
def motion(runs: Runs, source: int) -> Iterator[Filming]:
    port, folder = free_port(), runs.folder / "motion-movies"
    folder.mkdir()
    conf = runs.folder / "motion-filming.conf"
    movies = f"movie_output on\nmovie_codec mp4\nemulate_motion on\ntarget_dir {folder}\nmovie_filename clip\n"
    settings = MOTION_CONF.replace("movie_output off\n", movies)
    conf.write_text(f"{settings}netcam_url http://127.0.0.1:{source}/\nstream_port {port}\n")
    with (runs.folder / "motion-filming.log").open("w") as log, ended(
        subprocess.Popen(["motion", "-c", str(conf)], cwd=runs.folder, stdout=log, stderr=log, text=True)
    ) as process:  # fmt: skip
        eventually(lambda: sends_pictures(port), "motion serves")
        eventually(lambda: list(folder.iterdir()), "motion records")
        relay = Relay(port, {MOTION: psutil.Process(process.pid)}, {})
        yield Filming(relay, process.kill, lambda: sorted(folder.iterdir()))


CONTENDERS: dict[str, Started] = {SKYCAM: skycam, MOTION: motion}
