"""A capture over the API, from request to response: in total and by its steps."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from bench.figures import Table, Times
from bench.parts import processor_s
from bench.runs import PROJECT, Runs
from bench.station import SCENE, SLUG, BenchStation, Client

FPS = 15
SHARE_MS = 8.0


def run(runs: Runs) -> list[Table]:
    found = Table("A capture over the API: 1 ms exposure, 1280x1024 JPEG of quality 95, one after the other")
    size = runs.station.client().capture()["bytes"]
    series(runs.station.client(), 30)
    before = processor_s(runs.station)
    alone, spans = series(runs.station.client(), runs.times(500))
    used = {name: s - before[name] for name, s in processor_s(runs.station).items()}
    legs = measured_legs(runs)
    found.add("Captures", f"{alone.per_second:.1f} /s", "50 /s", f"{alone}; files of {size / 1000:.0f} kB")
    outside_ms = legs["exposure"] + legs["encode"] + legs["fsync"]
    found.add(
        "Skycam's share, without exposure, encoding and fsync",
        f"{alone.median - outside_ms:.1f} ms",
        f"{SHARE_MS:g} ms",
    )
    dark = with_default_scene(runs)
    found.add("Captures of the default sky, black at 1 ms", f"{dark.per_second:.1f} /s", note=f"{dark}; files of 50 kB")
    with live_view(runs.station):
        streaming, _ = series(runs.station.client(), runs.times(500))
    found.add(f"Captures while {FPS} frames/s are streamed", f"{streaming.per_second:.1f} /s", note=str(streaming))
    return [found, spans_table(spans, alone), legs_table(legs, alone), processor_table(used, len(alone.ms))]


def with_default_scene(runs: Runs) -> Times:
    """With the default scene of a new station."""
    runs.station.set_scene({})
    try:
        return series(runs.station.client(), runs.times(200))[0]
    finally:
        runs.station.set_scene(SCENE)


def series(client: Client, count: int) -> tuple[Times, dict[str, float]]:
    """The times of `count` captures, and the medians of the spans between their time stamps."""
    times, all_spans = [], []
    for _ in range(count):
        began_wall, began = time.time(), time.perf_counter()
        capture = client.capture()
        times.append((time.perf_counter() - began) * 1000)
        all_spans.append(spans_of(capture, began_wall, time.time()))
    return Times(tuple(times)), {name: statistics.median(s[name] for s in all_spans) for name in all_spans[0]}


def spans_of(capture: dict[str, Any], began: float, ended: float) -> dict[str, float]:
    """In ms, by the wall clock of the one machine; the ledger's times are in whole milliseconds."""
    planned, started, closed = (
        datetime.fromisoformat(capture[name]).timestamp() for name in ("planned", "started", "ended")
    )
    return {
        "request to plan": (planned - began) * 1000,
        "plan to shutter": (started - planned) * 1000,
        "exposure": (closed - started) * 1000,
        "shutter to answer": (ended - closed) * 1000,
    }


SPANS = {
    "request to plan": "HTTP in, sign-in, the host's heartbeat",
    "plan to shutter": "row, host's list, link, plan on the disk",
    "exposure": "",
    "shutter to answer": "readout, encoding, file, record, place, ingest, reply, HTTP out",
}


def spans_table(spans: dict[str, float], whole: Times) -> Table:
    found = Table("The same, by the capture's time stamps")
    for name, ms in spans.items():
        found.add(name, f"{ms:.1f} ms", note=SPANS[name])
    found.add("Sum", f"{sum(spans.values()):.1f} ms", note=f"whole: {whole.median:.1f} ms")
    return found


def legs_table(legs: dict[str, float], whole: Times) -> Table:
    found = Table("The same, each step measured separately")
    on_the_way = {name: ms for name, ms in legs.items() if not name.startswith("fsync")}
    for name, ms in on_the_way.items():
        found.add(name, f"{ms:.2f} ms")
    found.add(
        "Sum",
        f"{sum(on_the_way.values()):.1f} ms",
        note=f"whole: {whole.median:.1f} ms",
    )
    found.add("of these, waiting for fsync", f"{legs['fsync']:.2f} ms", note=f"{legs['fsyncs']:.0f} of them")
    return found


def processor_table(used: dict[str, float], captures: int) -> Table:
    """Processor time depends least on other load on the machine."""
    found = Table("Processor time of a capture")
    for name, seconds in used.items():
        found.add(name, f"{seconds / captures * 1000:.1f} ms")
    found.add("Sum", f"{sum(used.values()) / captures * 1000:.1f} ms")
    return found


def measured_legs(runs: Runs) -> dict[str, float]:
    """Medians in ms, measured by a separate program with the running station's settings."""
    command = [sys.executable, "-m", "bench.legs", str(runs.folder), str(runs.times(200)), runs.station.token]
    environment = {**runs.station.station.environment, "DJANGO_SETTINGS_MODULE": "skycam_project.settings"}
    done = subprocess.run(command, env=environment, cwd=PROJECT, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextmanager
def live_view(station: BenchStation) -> Iterator[None]:
    """Keep live view at medium quality running, as for a viewer."""
    ended = threading.Event()
    viewer = threading.Thread(target=_watch, args=(station.client(), ended), name="viewer")
    viewer.start()
    eventually_streams(station.client())
    try:
        yield
    finally:
        ended.set()
        viewer.join(10)


def _watch(client: Client, ended: threading.Event) -> None:
    """Request a picture every two seconds, so that the key that requests a stream does not expire."""
    while not ended.wait(2.0 if client.picture() else 0.1):
        continue


def eventually_streams(client: Client) -> None:
    """Return once the camera's process streams."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        if client.get(f"/api/v1/cameras/{SLUG}/status/")["fps"] > FPS / 2:
            return
        time.sleep(0.2)
    raise TimeoutError("The camera does not stream.")
