"""What a clip's pictures are made into: encoded out of frames, or copied out of a camera's own packets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

from cameras.drivers.base import FrameData
from cameras.drivers.packets import Coded, PacketData
from cameras.runtime.spec import Recording

FrameOrPacket = FrameData | PacketData
"""A picture in memory, I420, to be encoded; or one that the camera has coded, to be copied."""


class Unplayable(Exception):
    """No clip can begin with this packet: no picture can be made of it."""


class Sink(Protocol):
    def write(self, data: Any, /) -> int: ...


class Track(ABC):
    """Made of a clip's first picture, begun when the clip's file is there, and used by one thread."""

    size: tuple[int, int]
    """Width and height in pixels."""
    source: Coded | None = None
    """The stream whose packets are copied."""

    @abstractmethod
    def begin(self, sink: Sink) -> None: ...

    @abstractmethod
    def accepts(self, frame: FrameOrPacket) -> bool:
        """Whether the clip can hold it as well: a picture of the same size, a packet of the same stream."""

    @abstractmethod
    def add(self, frame: FrameOrPacket, seconds: float) -> bool:
        """A picture that fits, captured `seconds` after the first. False for a packet without one: it goes with the
        next. OSError of the sink, av.FFmpegError of the encoder."""

    @abstractmethod
    def finish(self) -> None:
        """What is still held back, and the index. OSError of the sink."""


def make_track(first: FrameOrPacket, wish: Recording) -> Track:
    """FFmpeg is loaded with the first clip. Unplayable."""
    if isinstance(first, PacketData):
        from captures.recording.stream_copy import CopiedTrack

        return CopiedTrack(first)
    from captures.recording.encoding import EncodedTrack

    return EncodedTrack(first, wish)


def can_begin_clip(frame: FrameOrPacket) -> bool:
    """Whether a clip may begin with it."""
    return isinstance(frame, FrameData) or frame.is_key
