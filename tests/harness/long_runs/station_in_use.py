"""A whole station in use: two recording cameras, one of which repeatedly loses its connection, programs and viewers."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import psutil
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.harness.clients.station_sockets import BINARY
from tests.harness.clients.viewers import REQUEST
from tests.harness.far_ends.network.rtsp import RtspServer
from tests.harness.long_runs.slopes import Used
from tests.harness.stations.http_client import AWAY
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, WITH_SERVICE, Station
from tests.harness.waiting import PATIENCE_S

IN_USE = "in use"
FPS = 10
BREAK_S = 7.0
FEW_FRAMES = 5
CAMERAS = ("simulated", "yard")
SMALL = {"width": 640, "height": 480, "fps": FPS, "exposure_us": 1000, "scene": "chart"}
FEW_SHORT_CLIPS = {"CAMERA_CONFIG__ROLLING_CLIPS_COUNT": "5", "CAMERA_CONFIG__RECORDING_DURATION_MINUTES": "0.25"}
SEND_ALL = """
from skycam_project.celery import app
for entry in app.conf.beat_schedule.values():
    app.send_task(entry["task"])
"""
PAGES = ("cameras/", "captures/", "clips/", "events/", "cameras/yard/status/")


@dataclass
class StationInUse:
    station: Station
    server: RtspServer
    broken_at: float = field(default_factory=time.monotonic)
    stopping: threading.Event = field(default_factory=threading.Event)

    def processes(self) -> list[tuple[Used, psutil.Process]]:
        assert self.station.process is not None
        pids = {"launcher": self.station.process.pid, **self.station.running_pids()}
        pids |= {f"camera {slug}": self.station.cameras.pid(slug) for slug in CAMERAS}
        return [(Used(name, IN_USE), psutil.Process(pid)) for name, pid in pids.items()]

    def use_once(self) -> None:
        """A capture, some requests, one short viewer, and from time to time an interrupted camera."""
        with contextlib.suppress(*AWAY):
            self.station.cameras.capture()
            for page in PAGES:
                self.station.api.get(page)
            self.watch_frames(FEW_FRAMES)
        if time.monotonic() - self.broken_at > BREAK_S:
            self.broken_at = time.monotonic()
            self.server.hang_up()

    def run_periodic_tasks(self) -> None:
        """Each once, in the jobs part: the first run of a task imports what it needs."""
        command = [sys.executable, "-c", SEND_ALL]
        subprocess.run(command, env=self.station.environment, check=True, timeout=PATIENCE_S)

    def watch_frames(self, frames: int) -> None:
        with self._viewer("yard") as viewer:
            for _ in range(frames):
                viewer.send(REQUEST)
                viewer.recv(timeout=PATIENCE_S)

    def keep_watching(self, slug: str) -> None:
        """Watch until the end, and reconnect after each disconnection."""
        while not self.stopping.wait(0.1):
            with contextlib.suppress(OSError, TimeoutError, ConnectionClosed), self._viewer(slug) as viewer:
                while not self.stopping.is_set():
                    viewer.send(REQUEST)
                    viewer.recv(timeout=PATIENCE_S)

    @contextmanager
    def _viewer(self, slug: str) -> Iterator[ClientConnection]:
        headers = {"Authorization": f"Token {self.station.api.token}"}
        with connect(
            f"ws://127.0.0.1:{self.station.port}/ws/live/{slug}/", subprotocols=cast(Any, [BINARY]), compression=None,
            additional_headers=headers, max_size=None,
        ) as opened:  # fmt: skip
            yield opened


@contextmanager
def in_use(folder: Path) -> Iterator[StationInUse]:
    station = Station(folder / "station", **FEW_SHORT_CLIPS, **ANY_NUMBER_OF_KILLS, **WITH_SERVICE)
    with ExitStack() as stack:
        server = stack.enter_context(RtspServer(fps=FPS))
        stack.callback(station.ensure_stopped)
        station.up_with_camera()
        station.api.call("PATCH", "cameras/simulated/settings/", SMALL)
        assert (
            station.api.post("cameras/", {"slug": "yard", "kind": "network", "address": server.address}).status == 201
        )
        station.cameras.eventually_ready("yard")
        for slug in CAMERAS:
            assert station.api.post(f"cameras/{slug}/record/").status < 300
        used = StationInUse(station, server)
        viewers = [threading.Thread(target=used.keep_watching, args=(slug,), daemon=True) for slug in CAMERAS]
        stack.callback(shut_down, used, viewers, station)
        for viewer in viewers:
            viewer.start()
        yield used


def shut_down(used: StationInUse, viewers: list[threading.Thread], station: Station) -> None:
    used.stopping.set()
    for viewer in viewers:
        viewer.join(PATIENCE_S)
    station.stop()
