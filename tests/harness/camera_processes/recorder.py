"""A recorder in this process, fed by the test faster than it writes."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Self

import numpy as np
import uuid6

from cameras.drivers.base import FrameData
from cameras.drivers.simulated.codec import draw_frame_number
from cameras.runtime.buffer import SharedFrameBuffer
from cameras.runtime.consumers import Context
from cameras.spool.storage import make_root
from captures.recordings.recorder.recorder import ClipRecorder, RecorderTimes
from tests.harness.camera_processes.camera_loop import CAMERA, RecordingLink
from tests.harness.camera_processes.recorded_clips import RECORDING, numbers
from tests.harness.waiting import PATIENCE_S, eventually

FPS = 30
SIZE = (320, 240)


class RecorderBench:
    """`changes` apply to the recording. At the end the recorder has `write_s` seconds to write its queue."""

    def __init__(self, root: Path, write_s: float = PATIENCE_S, **changes: Any) -> None:
        self.root, self.link, self.buffer = root, RecordingLink(), SharedFrameBuffer()
        make_root(root, video := str(uuid6.uuid7()))
        spec: Any = {
            "camera": CAMERA, "slug": "scripted", "kind": "simulated", "decided_outcome": None, "video_root": video,
            "video_root_path": str(root), "site": {"latitude": None, "longitude": None, "time_zone": "UTC"},
            "recording": None,
        }  # fmt: skip
        link: Any = self.link
        times = RecorderTimes(write_s=write_s, write_out_s=write_s + PATIENCE_S)
        self.recorder = ClipRecorder(Context(spec, self.buffer, link), times)
        self.desired: Any = {**RECORDING, **changes}
        self._began, self._began_ns = time.monotonic(), time.time_ns()

    def __enter__(self) -> Self:
        self.start()
        return self

    def start(self) -> None:
        self.recorder.handle_command({"type": "record", "recording": self.desired})

    def stop(self) -> None:
        self.recorder.handle_command({"type": "record", "recording": None})

    def __exit__(self, *_: object) -> None:
        self.recorder.stop()

    def put_frames(self, numbers: range, size: tuple[int, int] = SIZE) -> None:
        """Put frames captured at `FPS` a second, all at once."""
        for number in numbers:
            image = np.full((size[1], size[0]), 128, np.uint8)
            draw_frame_number(image, number)
            at = number / FPS
            self.buffer.put_frame(FrameData(image, self._began_ns + round(at * 1e9), self._began + at, number))

    def wait_for_frames(self, frames: int) -> None:
        """Wait until the open clip has `frames` frames."""
        eventually(lambda: self.status().get("frames", 0) >= frames, what=f"{frames} frames")

    def status(self) -> dict[str, Any]:
        return self.recorder.stats()["recorder"] or {}

    def failure(self) -> str:
        """The message of the next failure alert."""
        while not (message := self._failure_alert()):
            pass
        return message

    def wait_until_failure_closes(self) -> None:
        while self._failure_alert():
            pass

    def _failure_alert(self) -> str:
        """The message of the next change of the alert; an empty one closes it."""
        sent: dict[str, Any] = {}
        while not sent.get("key", "").startswith("recording.failed:"):
            sent = self.link.inbox.get(timeout=PATIENCE_S)
        return str(sent["message"])

    def records(self) -> list[dict[str, Any]]:
        """The records, oldest first."""
        folder = self.root / ".spool" / CAMERA / "clips"
        return [json.loads(path.read_text()) for path in sorted(folder.glob("*.done"))]

    def recorded_numbers(self) -> list[list[int | None]]:
        """The numbers of the frames in each clip."""
        return [numbers([self.root / record["files"][0]["path"]]) for record in self.records()]

    def unfinished_files(self) -> list[str]:
        """The files in the spool besides records."""
        names = [path.name for path in (self.root / ".spool" / CAMERA / "clips").iterdir()]
        return [name for name in names if not name.startswith(("slot-", ".lock", "rejected"))]
