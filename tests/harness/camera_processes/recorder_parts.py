"""Frames, packets and clips for the parts of a recorder, without a camera or a disk."""

from __future__ import annotations

from typing import Any

import numpy as np

from cameras.drivers.base import FrameData
from cameras.drivers.packets import CodedStream, PacketData
from captures.recordings.recorder.delivery import ClipDelivery
from captures.recordings.recorder.failures import Failure
from captures.recordings.recorder.tracks import ClipTimes, FrameOrPacket

DESIRED: Any = {"kind": "manual", "clip_s": 60.0, "floor_bytes": 1000, "requested_by": "ada"}
STREAM = CodedStream("h264")
PICTURE = np.zeros((2, 2), np.uint8)


def frame(monotonic: float, number: int = 0) -> FrameData:
    return FrameData(PICTURE, round(monotonic * 1e9), monotonic, number)


def packet(monotonic: float, *, is_key: bool, of: CodedStream = STREAM) -> PacketData:
    return PacketData(b"", of, is_key, round(monotonic * 1e9), monotonic, 0)


class MemoryFile:
    def __init__(self) -> None:
        self.bytes, self.synced = 0, False

    def sync(self) -> None:
        self.synced = True


class MemoryClip:
    """A clip that accepts `accepted_frames` frames; `add` raises `error`."""

    def __init__(
        self, first: FrameOrPacket, desired: Any = DESIRED, source: CodedStream | None = None, name: str = "a"
    ) -> None:
        self.id, self.desired, self.source = name, desired, source
        self.times, self.file = ClipTimes(first, copied=source is not None), MemoryFile()
        self.delivery = ClipDelivery()
        self.accepted_frames = 100
        self.error: OSError | None = None
        self.interruption: Failure | None = None
        self.lost_frames = 0
        self.written: list[int] = []

    def accepts(self, frame: FrameOrPacket) -> bool:
        return self.times.frames < self.accepted_frames

    def add(self, frame: FrameOrPacket, lost: int) -> None:
        if self.error is not None:
            raise self.error
        self.times.add(frame)
        self.measure(frame, lost)
        self.written.append(frame.number)

    def measure(self, frame: FrameOrPacket, lost: int) -> None:
        self.delivery.add(frame.monotonic, None, lost=lost)

    def finish(self) -> None: ...
