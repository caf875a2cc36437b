"""Recording an H.264 camera over RTSP by stream copy, compared with ffmpeg's stream copy and re-encoding."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from bench.figures import Table
from bench.recording import RECORDING
from bench.relay import SKYCAM, ended, python, read_line
from bench.runs import Runs
from cameras.drivers.simulated.codec import draw_frame_number
from cameras.tables import CONSUMERS
from tests.harness.camera_processes.camera_process import AS_AT_A_STATION, CameraProcess
from tests.harness.far_ends.network.rtsp import PICTURES, RtspServer
from tests.harness.far_ends.network.video import GROUP, CodedPicture, encoded
from tests.harness.waiting import eventually

WIDTH, HEIGHT, FPS = 1280, 1024, 15
MEASURED_S = 30
WARM_UP_S = 3.0
TURNS = 2
MOST_PERCENT = 3
NOISE = 14
"""Noise of the scene, in grey levels; gives about 6 Mbit/s."""
COPY, ENCODE = "ffmpeg -c copy", "ffmpeg, decoded and encoded"
WORDS = {COPY: ["-c", "copy"], ENCODE: ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "23", "-threads", "1"]}
MOVFLAGS = "frag_every_frame+empty_moov+default_base_moof"
INSTALL = "apt-get install -y --no-install-recommends ffmpeg"

Started = Callable[[Runs, str], AbstractContextManager[psutil.Process]]


def run(runs: Runs) -> list[Table]:
    found = Table(
        f"Recording one RTSP camera, H.264 {WIDTH}x{HEIGHT} at {FPS} fps, while no one is watching: of a core"
    )
    with python("bench.copying") as source:
        address, rate = read_line(source).split()
        used: dict[str, list[float]] = {name: [] for name in contenders()}
        for _ in range(TURNS):
            for name, started in contenders().items():
                with started(runs, address) as process:
                    used[name].append(percent(process, runs.times(MEASURED_S)))
    add_rows(found, {name: sum(each) / TURNS for name, each in used.items()}, f"{rate} Mbit/s")
    return [found]


def add_rows(found: Table, used: dict[str, float], rate: str) -> None:
    whole_process = f"the whole process, with {rate} from the camera"
    found.add(f"{SKYCAM}, the camera's process", f"{used[SKYCAM]:.2f} %", f"{MOST_PERCENT} %", whole_process)
    if COPY not in used:
        found.add("ffmpeg", "not measured", note=f"not installed: {INSTALL}")
        return
    for name in WORDS:
        found.add(name, f"{used[name]:.2f} %")
    found.add(f"{SKYCAM} to {COPY}", f"{used[SKYCAM] / used[COPY]:.2f}", note="ffmpeg neither syncs nor hashes")
    found.add(f"{SKYCAM} to {ENCODE}", f"{used[SKYCAM] / used[ENCODE]:.2f}")


def percent(process: psutil.Process, seconds: float) -> float:
    time.sleep(WARM_UP_S)
    before, began = sum(process.cpu_times()[:2]), time.monotonic()
    time.sleep(seconds)
    return 100 * (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - began)


# Contenders


def contenders() -> dict[str, Started]:
    others = {COPY: ffmpeg(COPY), ENCODE: ffmpeg(ENCODE)} if shutil.which("ffmpeg") else {}
    return {SKYCAM: skycam, **others}


@contextlib.contextmanager
def skycam(runs: Runs, address: str) -> Iterator[psutil.Process]:
    root = runs.folder / f"copying-{time.monotonic_ns()}"
    root.mkdir()
    spec: dict[str, Any] = {"kind": "network", "address": address, "settings": {}, "recording": RECORDING}
    with CameraProcess(root, consumers=CONSUMERS, **AS_AT_A_STATION, **spec) as camera:
        camera.wait_for_message(lambda message: (message.get("recorder") or {}).get("frames", 0) > FPS, 60)
        yield psutil.Process(camera.process.pid)
        lost = camera.wait_for_type("state")["recorder"]["lost_frames"]
        if lost:
            raise RuntimeError(f"{lost} frames were lost.")


def ffmpeg(name: str) -> Started:
    @contextlib.contextmanager
    def started(runs: Runs, address: str) -> Iterator[psutil.Process]:
        file = runs.folder / f"copying-{time.monotonic_ns()}.mp4"
        command = ["ffmpeg", "-v", "error", "-nostdin", "-rtsp_transport", "tcp", "-i", address, *WORDS[name]]
        written = [*command, "-movflags", MOVFLAGS, "-flush_packets", "1", str(file)]
        with ended(subprocess.Popen(written, text=True)) as process:
            eventually(lambda: has_begun(file), "ffmpeg records")
            yield psutil.Process(process.pid)

    return started


def has_begun(file: Path) -> bool:
    return file.exists() and file.stat().st_size > 0


# The source, in a process of its own


def scene(number: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Moving stripes under noise, with the number in a corner."""
    noise = np.random.default_rng(number).normal(0, NOISE, (HEIGHT, WIDTH))
    stripes = (np.arange(WIDTH) + 4 * number) // 80 % 2 * 90 + 60
    image = np.repeat(np.clip(stripes + noise, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    draw_frame_number(image, number)
    return image


def main() -> None:
    """Send the same group of pictures repeatedly; it begins with a key frame."""
    group = encoded([scene(number) for number in range(GROUP)], FPS, {"crf": "32", "tune": "zerolatency"})
    pictures = [CodedPicture(one.data, number, one.is_key) for number, one in enumerate(group * (PICTURES // GROUP))]
    rate = sum(len(one.data) for one in group) * 8 * FPS / GROUP / 1e6
    with RtspServer(FPS, pictures=pictures) as server:
        print(server.address, f"{rate:.1f}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
