"""A recorder in this process, whose frames the test puts: more at once than it has written yet."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Self
from unittest import mock

import numpy as np
import uuid6

from cameras.drivers.base import FrameData
from cameras.drivers.simulated.codec import draw_frame_number
from cameras.runtime.buffer import SharedFrameBuffer
from cameras.runtime.consumers import Context
from cameras.runtime.storage import make_root
from captures.recording import recorder
from captures.recording.recorder import ClipRecorder
from tests.cameras.runtime.owner_bench import CAMERA, PATIENCE_S, HeardLink
from tests.captures.recording.clips import RECORDING, numbers

FPS = 30
SIZE = (320, 240)


class RecorderBench:
    """`changes` are of what is recorded. At the end all that is queued may be written, or `write_s` seconds of it."""

    def __init__(self, root: Path, write_s: float = PATIENCE_S, **changes: Any) -> None:
        self._times = mock.patch.multiple(recorder, WRITE_S=write_s, WRITE_OUT_S=write_s + PATIENCE_S)
        self.root, self.link, self.buffer = root, HeardLink(), SharedFrameBuffer()
        make_root(root, video := str(uuid6.uuid7()))
        spec: Any = {
            "camera": CAMERA, "slug": "told", "kind": "simulated", "verdict": None, "video_root": video,
            "video_root_path": str(root), "site": {"latitude": None, "longitude": None, "time_zone": "UTC"},
            "recording": None,
        }  # fmt: skip
        link: Any = self.link
        self.recorder = ClipRecorder(Context(spec, self.buffer, link))
        self.wish: Any = {**RECORDING, **changes}
        self._began, self._began_ns = time.monotonic(), time.time_ns()

    def __enter__(self) -> Self:
        self.start()
        return self

    def start(self) -> None:
        self.recorder.order({"type": "record", "recording": self.wish})

    def stop(self) -> None:
        self.recorder.order({"type": "record", "recording": None})

    def __exit__(self, *_: object) -> None:
        with self._times:
            self.recorder.stop()

    def put(self, numbers: range, size: tuple[int, int] = SIZE) -> None:
        """Frames that were captured `FPS` a second, all at once."""
        for number in numbers:
            image = np.full((size[1], size[0]), 128, np.uint8)
            draw_frame_number(image, number)
            at = number / FPS
            self.buffer.put_frame(FrameData(image, self._began_ns + round(at * 1e9), self._began + at, number))

    def until_written(self, frames: int) -> None:
        """So many frames are in the open clip."""
        deadline = time.monotonic() + PATIENCE_S
        while self.told().get("frames", 0) < frames:
            assert time.monotonic() < deadline, f"It told: {self.told()}"
            time.sleep(0.005)

    def told(self) -> dict[str, Any]:
        return self.recorder.stats()["recorder"] or {}

    def failed(self) -> str:
        """Why nothing can be recorded, once it is told."""
        heard: dict[str, Any] = {}
        while not (heard.get("key", "").startswith("recording.failed:") and heard["message"]):
            heard = self.link.inbox.get(timeout=PATIENCE_S)
        return str(heard["message"])

    def records(self) -> list[dict[str, Any]]:
        """Oldest first."""
        folder = self.root / ".spool" / CAMERA / "clips"
        return [json.loads(path.read_text()) for path in sorted(folder.glob("*.done"))]

    def recorded(self) -> list[list[int | None]]:
        """The numbers of the frames in each clip."""
        return [numbers([self.root / record["files"][0]["path"]]) for record in self.records()]

    def left(self) -> list[str]:
        """The names of what lies in the spool and is no record."""
        names = [path.name for path in (self.root / ".spool" / CAMERA / "clips").iterdir()]
        return [name for name in names if not name.startswith(("slot-", ".lock", "rejected"))]
