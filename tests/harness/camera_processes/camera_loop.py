"""The camera loop in this process, with a scripted camera, a real spool, and a link that the test controls."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import uuid6

from cameras.drivers.base import Driver
from cameras.runtime.assembly import build_camera_process
from cameras.runtime.buffer import QueueLimits, SharedFrameBuffer
from cameras.runtime.clock import CameraClock
from cameras.runtime.consumers import Context, FrameConsumer
from cameras.runtime.device import Device
from cameras.runtime.device_timing import DeviceTimes
from cameras.runtime.link import Reporter
from cameras.runtime.messages import Command, ConsumerStats, Report
from cameras.runtime.session_exposure import ExposureStatistics
from cameras.runtime.watched_driver import WatchedDriver
from cameras.spool.storage import MARKER, make_root, read_marker
from captures.stills.writer import StillWriter
from core.device_holders import CameraClaim
from core.watchdog import Watchdog
from tests.harness.far_ends.scripted_camera import ScriptedCamera
from tests.harness.waiting import PATIENCE_S

CAMERA = "0193a000-0000-7000-8000-00000000000c"


class RecordingLink:
    """The Supervisor's end of the link: records the messages of the process, in order."""

    def __init__(self) -> None:
        self.inbox: queue.Queue[dict[str, Any]] = queue.Queue()
        self.messages: list[dict[str, Any]] = []

    def send(self, message: Report) -> None:
        received = json.loads(json.dumps(message))
        self.messages.append(received)
        self.inbox.put(received)


def make_device(spec: Any, clock: CameraClock, driver: Driver, link: RecordingLink) -> Device:
    """A device without its loop."""
    watched = WatchedDriver(driver, clock, Watchdog(), spec["margin_s"])
    claim = CameraClaim("sky", driver.kind)
    return Device(watched, Reporter(link), link, SharedFrameBuffer(), spec["settings"], DeviceTimes(), claim)


class Streamed:
    """A consumer that wants frames while `wants_frames` is set."""

    def __init__(self) -> None:
        self.wants_frames = self.keeps_frames = False

    def handle_command(self, command: Command) -> None:
        self.wants_frames = command["type"] == "live"

    def stop(self) -> None: ...

    def stats(self) -> ConsumerStats:
        return {}


class CameraLoopBench:
    """Tests must not call `state_reporter.build_report`: it arms the last resort of the watchdog, which ends the test
    run."""

    def __init__(
        self,
        root: Path,
        clock: CameraClock | None = None,
        driver: Driver | None = None,
        times: DeviceTimes | None = None,
        limits: QueueLimits | None = None,
        **spec: Any,
    ) -> None:
        if not (root / MARKER).exists():
            make_root(root, str(uuid6.uuid7()))
        self.root, self.spool = root, root / ".spool" / CAMERA
        self.link, self.clock, self.buffer = RecordingLink(), clock or CameraClock(), SharedFrameBuffer(limits)
        self.spec: Any = {
            "camera": CAMERA, "slug": "scripted", "kind": "simulated", "address": "", "settings": {}, "sources": [],
            "root": read_marker(str(root)), "root_path": str(root), "station": "test",
            "site": {"latitude": None, "longitude": None, "time_zone": "UTC"}, "margin_s": 2.0, "clock_wait_s": 0.0,
            "consumers": {}, "session": None, "recording": None, "decided_outcome": None, **spec,
        }  # fmt: skip
        self.camera, self.streamed = ScriptedCamera(self.clock), Streamed()
        self.statistics = ExposureStatistics()
        self.consumers: list[FrameConsumer] = [self.streamed, self.statistics]
        writer = StillWriter(Context(self.spec, self.buffer, self.link))
        self.process = build_camera_process(
            self.spec,
            self.link,
            self.clock,
            self.buffer,
            writer,
            self.statistics,
            self.consumers,
            driver or self.camera,
            times,
        )
        self._thread = threading.Thread(target=self.process.loop.run, name="camera loop")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.loop.stop()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), "the camera loop does not end"

    def send_command(self, kind: str, **fields: Any) -> str:
        command = str(uuid6.uuid7())
        self.receive_command({"type": kind, "command_id": command, "remaining_ms": round(PATIENCE_S * 1000), **fields})
        return command

    def receive_command(self, command: Any) -> None:
        self.process.receiver.receive_command(command)

    def capture(self, capture: str | None = None, **asked: Any) -> str:
        capture = capture or str(uuid6.uuid7())
        self.send_command(
            "capture", id=capture, planned="2026-01-01T00:00:00Z", asked=asked, requested_by="tester", job=""
        )
        return capture

    def wait_for_message(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_S
        while not wanted(message := self.link.inbox.get(timeout=max(0.01, deadline - time.monotonic()))):
            pass
        return message

    def wait_for_type(self, kind: str, /, **fields: Any) -> dict[str, Any]:
        return self.wait_for_message(
            lambda m: m["type"] == kind and all(m.get(name) == value for name, value in fields.items())
        )

    def outcome(self, capture: str) -> dict[str, Any]:
        """The body of the record and its files, once it is spooled."""
        self.wait_for_type("spooled", id=capture)
        return self.record(capture)

    def wait_for_gap(self) -> dict[str, Any]:
        """The body of the next gap of a session."""
        spooled = self.wait_for_message(lambda m: m["type"] == "spooled" and self._kind(m["id"]) == "gap")
        return self.record(spooled["id"])

    def _kind(self, record: str) -> str:
        return str(json.loads((self.spool / f"{record}.done").read_text())["kind"])

    def record(self, capture: str) -> dict[str, Any]:
        record = json.loads((self.spool / f"{capture}.done").read_text())
        return {**record["body"], "files": record["files"]}

    @staticmethod
    def desired_session(session: str, revision: int = 1, desired: str = "running", **programme: Any) -> Any:
        return {
            "id": session, "name": "", "revision": revision, "desired": desired, "created_by": "tester", "so_far": {},
            "programme": {"exposure_us": 1000, **programme},
        }  # fmt: skip
