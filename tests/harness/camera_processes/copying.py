"""A network camera that is recorded, with its camera loop and recorder in this process."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from cameras.drivers.network import NetworkDriver
from cameras.drivers.network.addresses import NetworkTimes
from cameras.runtime.buffer import QueueLimits
from cameras.runtime.clock import CameraClock
from cameras.runtime.consumers import Context
from captures.recordings.recorder.recorder import ClipRecorder, RecorderTimes
from tests.harness.camera_processes.camera_loop import CAMERA, CameraLoopBench, Streamed
from tests.harness.camera_processes.recorded_clips import RECORDING
from tests.harness.waiting import PATIENCE_S, eventually

SHORT = {**RECORDING, "clip_s": 0.7}
LONG = {**RECORDING, "clip_s": 60}


class Busy(Streamed):
    """A consumer that blocks the camera loop until `may_continue` is set, as a slow camera would."""

    def __init__(self) -> None:
        super().__init__()
        self.may_continue = threading.Event()

    def handle_command(self, message: dict[str, Any]) -> None:
        assert self.may_continue.wait(PATIENCE_S)


class CopyingBench(CameraLoopBench):
    """`desired` is the recording from the start; None for none."""

    def __init__(
        self,
        root: Path,
        address: str,
        desired: dict[str, Any] | None,
        times: RecorderTimes | None = None,
        network_times: NetworkTimes | None = None,
        limits: QueueLimits | None = None,
    ) -> None:
        clock = CameraClock()
        self.network = NetworkDriver(address, clock, network_times)
        super().__init__(root, clock, self.network, limits=limits, kind="network", settings={})
        self.spec |= {"recording": desired, "video_root": self.spec["root"], "video_root_path": str(root)}
        link: Any = self.link
        self.recorder = ClipRecorder(Context(self.spec, self.buffer, link), times)
        self.consumers.append(self.recorder)

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self.recorder.stop()

    @property
    def decoded(self) -> int:
        """The number of the last decoded packet."""
        return self.network.last_decoded

    def wait_for_frames(self, frames: int) -> None:
        """Wait until the open clip has `frames` frames."""
        eventually(lambda: self.status().get("frames", 0) >= frames)

    def status(self) -> dict[str, Any]:
        return self.recorder.stats()["recorder"] or {}

    def wait_for_packets(self, packets: int) -> None:
        before = self.buffer.frames
        eventually(lambda: self.buffer.frames >= before + packets)

    def wait_for_clips(self, clips: int = 1) -> None:
        for _ in range(clips):
            self.wait_for_type("spooled", part="clips")

    def stop_recording(self) -> None:
        """Stop, and wait until the last clip is finalized."""
        stopped = self.send_command("record", recording=None)
        self.wait_for_type("answer", command_id=stopped)

    def records(self) -> list[dict[str, Any]]:
        """The records, oldest first."""
        folder = self.root / ".spool" / CAMERA / "clips"
        return [json.loads(path.read_text()) for path in sorted(folder.glob("*.done"))]

    def clips(self) -> list[Path]:
        return [self.root / record["files"][0]["path"] for record in self.records()]


def bodies(bench: CopyingBench, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(record["body"][name] for name in names) for record in bench.records()]
