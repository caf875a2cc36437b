"""One MJPEG source and its viewers: through Skycam, Debian's motion, and a minimal relay."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass

import psutil

from bench.figures import Table, Times
from bench.live import cpu_seconds
from bench.mjpeg import FPS, HEIGHT, QUALITY, WIDTH, frames, monotonic_us
from bench.runs import PROJECT, Runs
from bench.watching import ViewerResult, Watch
from tests.harness.stations.station import MANY_VIEWERS, Station, free_port
from tests.harness.waiting import eventually

VIEWERS = (1, 5, 20)
WARM_UP_S = 5.0
MEASURED_S = 15
SLUG = "relayed"
SKYCAM, MOTION, PLAIN = "Skycam", "motion", "a plain relay"
MOST = {MOTION: 1.0, PLAIN: 1.3}
"""The limit of the ratio of Skycam's processor time to that of the other relay, with the most viewers."""
REMARKS = {
    MOTION: "motion also detects motion, which cannot be switched off",
    PLAIN: "decodes and encodes once, and does nothing else",
}
INSTALL = "systemctl mask motion; apt-get install -y --no-install-recommends motion"
"""The unit is mcamera, because otherwise motion's daemon starts at boot and claims the first camera."""
MOTION_CONF = f"""
daemon off
log_level 4
width {WIDTH}
height {HEIGHT}
framerate {2 * FPS}
text_left
text_right
picture_output off
movie_output off
webcontrol_port 0
stream_localhost on
stream_maxrate {FPS}
stream_quality {QUALITY}
stream_motion off
"""
"""The frame rate must be above the source's, or frames queue."""


@dataclass(frozen=True)
class Relay:
    """`parts` are the processes that relay; `others` are needed but do other work."""

    port: int
    parts: dict[str, psutil.Process]
    others: dict[str, psutil.Process]
    path: str = ""
    headers: tuple[tuple[str, str], ...] = ()


Started = Callable[[Runs, int], AbstractContextManager[Relay]]


def run(runs: Runs) -> list[Table]:
    found = Table(f"Live view of one MJPEG camera, {WIDTH}x{HEIGHT} at {FPS} fps, JPEG of quality {QUALITY}: relays")
    used: dict[str, float] = {}
    with serving("source") as source:
        port = int(read_line(source))
        for name, started in RELAYS.items():
            if name == MOTION and not shutil.which("motion"):
                found.add(MOTION, "not measured", note=f"not installed: {INSTALL}")
                continue
            with started(runs, port) as relay:
                used[name] = [add_row(found, name, relay, viewers, runs.times(MEASURED_S)) for viewers in VIEWERS][-1]
    for name in MOST.keys() & used.keys():
        add_ratio(found, name, used)
    return [found]


def add_ratio(found: Table, name: str, used: dict[str, float]) -> None:
    ratio = used[SKYCAM] / used[name]
    found.add(f"Skycam to {name}, {VIEWERS[-1]} viewers", f"{ratio:.2f}", f"{MOST[name]}", REMARKS[name])


def add_row(found: Table, name: str, relay: Relay, viewers: int, seconds: int) -> float:
    """Add the row of a relay; returns the percent of a core that its parts use."""
    seen, cpu = measured(relay, viewers, seconds)
    times, used = Times(tuple(seen.late_ms)), sum(cpu[part] for part in relay.parts)
    shares = ", ".join(f"{part} {cpu[part]:.1f}" for part in relay.parts if len(relay.parts) > 1)
    others = f"the rest of the station {sum(cpu[part] for part in relay.others):.1f} %" if relay.others else ""
    late = f"{times.median:.1f} ms late, p99 {times.p99:.1f}; {seen.fewest / seconds:.1f} fps"
    note = "; ".join(text for text in (late, shares, others) if text)
    found.add(f"{name}, {viewers} viewers", f"{used:.1f} % of a core", note=note)
    return used


def measured(relay: Relay, viewers: int, seconds: int) -> tuple[ViewerResult, dict[str, float]]:
    """What the viewers received, and the percent of a core that each process used meanwhile."""
    watch = Watch(relay.port, viewers, WARM_UP_S, seconds, relay.path, dict(relay.headers))
    processes = relay.parts | relay.others
    with python("bench.watching", stdin=subprocess.PIPE) as watching:
        assert watching.stdin
        watching.stdin.write(json.dumps(asdict(watch)))
        watching.stdin.close()
        assert read_line(watching) == "began"
        before, began_us = cpu_seconds(processes), monotonic_us()
        assert read_line(watching) == "ended"
        after, took_s = cpu_seconds(processes), (monotonic_us() - began_us) / 1e6
        seen = ViewerResult(**json.loads(read_line(watching)))
    return seen, {name: 100 * (after[name] - before[name]) / took_s for name in processes}


# The relays


@contextlib.contextmanager
def skycam(runs: Runs, source: int) -> Iterator[Relay]:
    station = Station(runs.folder / "relay", **MANY_VIEWERS)
    try:
        station.up_with_camera()
        with_one_camera(station, source)
        parts = {name: psutil.Process(pid) for name, pid in station.running_pids().items()}
        relaying = {"camera": station.cameras.process(SLUG), "web": parts.pop("web"), "Valkey": parts.pop("valkey")}
        yield Relay(station.port, relaying, parts, f"/ws/live/{SLUG}/", tuple(station.api.authorization.items()))
        station.stop()
    finally:
        station.ensure_stopped()


def with_one_camera(station: Station, source: int) -> None:
    simulated = station.cameras.process()
    station.api.ask("PATCH", "cameras/simulated/", {"enabled": False})
    simulated.wait(30)
    camera = {"slug": SLUG, "kind": "network", "address": f"http://127.0.0.1:{source}/"}
    station.api.ask("POST", "cameras/", camera)
    status = f"cameras/{SLUG}/status/"
    eventually(lambda: station.api.ask("GET", status)["observed"] == "ready", "the camera is ready")


@contextlib.contextmanager
def motion(runs: Runs, source: int) -> Iterator[Relay]:
    """The port must not have been used recently: motion would silently refuse viewers on it."""
    port, conf = free_port(), runs.folder / "motion.conf"
    conf.write_text(f"{MOTION_CONF}netcam_url http://127.0.0.1:{source}/\nstream_port {port}\n")
    with (runs.folder / "motion.log").open("w") as log, ended(
        subprocess.Popen(["motion", "-c", str(conf)], cwd=runs.folder, stdout=log, stderr=log, text=True)
    ) as process:  # fmt: skip
        eventually(lambda: sends_pictures(port), "motion serves")
        yield Relay(port, {MOTION: psutil.Process(process.pid)}, {})


@contextlib.contextmanager
def plain(_runs: Runs, source: int) -> Iterator[Relay]:
    with serving("relay", str(source)) as process:
        yield Relay(int(read_line(process)), {PLAIN: psutil.Process(process.pid)}, {})


RELAYS: dict[str, Started] = {SKYCAM: skycam, MOTION: motion, PLAIN: plain}


# Processes


def serving(*words: str) -> AbstractContextManager[subprocess.Popen[str]]:
    return python("bench.mjpeg", *words)


def python(module: str, *words: str, stdin: int | None = None) -> AbstractContextManager[subprocess.Popen[str]]:
    command = [sys.executable, "-m", module, *words]
    return ended(subprocess.Popen(command, cwd=PROJECT, stdin=stdin, stdout=subprocess.PIPE, text=True))


@contextlib.contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    with process:
        try:
            yield process
        finally:
            process.kill()


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def sends_pictures(port: int) -> bool:
    """Whether the server sends a picture. motion listens before it has one, and then closes the connection."""

    async def first() -> bytes:
        async with asyncio.timeout(5):
            return await anext(frames(port))

    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        return bool(asyncio.run(first()))
    return False
