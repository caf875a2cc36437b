"""Read clips back frame by frame."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from cameras.drivers.simulated.codec import draw_frame_number, read_frame_number
from tests.harness.camera_processes.camera_process import CameraProcess

RECORDING: dict[str, Any] = {
    "kind": "rolling", "clip_s": 1.0, "preset": "ultrafast", "crf": 23, "max_kbit_s": 8000, "floor_bytes": 0,
    "requested_by": "anna",
}  # fmt: skip


@dataclass(frozen=True)
class Shown:
    """A frame of a clip: the number in its pixels, and its time in seconds."""

    number: int | None
    seconds: float


def shown(path: Path) -> list[Shown]:
    with av.open(str(path)) as container:
        frames = container.decode(video=0)
        return [
            Shown(read_frame_number(frame.to_ndarray(format="rgb24")), float(frame.time or 0.0)) for frame in frames
        ]


def numbers(paths: list[Path]) -> list[int | None]:
    return [frame.number for path in paths for frame in shown(path)]


def numbered_video(path: Path, frames: int = 600, fps: int = 30) -> Path:
    """A video file as a source, with a number in the pixels of each frame."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "crf": "18"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(frames):
            image = np.full((240, 320, 3), 128, np.uint8)
            draw_frame_number(image, number)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def clips_of(process: CameraProcess) -> list[Path]:
    """The files of clips, oldest first."""
    return sorted((process.root / "clips").rglob("*.mp4"))


def records_of(process: CameraProcess) -> list[dict[str, Any]]:
    """The records that wait for ingest, oldest first."""
    return [json.loads(path.read_text()) for path in sorted((process.spool / "clips").glob("*.done"))]
