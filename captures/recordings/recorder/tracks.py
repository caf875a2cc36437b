"""The video track of a clip: frames are encoded, a camera's own packets are copied."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

from cameras.drivers.base import FrameData
from cameras.drivers.packets import CodedStream, PacketData

FrameOrPacket = FrameData | PacketData
"""A picture in memory (I420) to encode, or a packet from the camera to copy."""


class Unplayable(Exception):
    """No clip can begin with this packet, as it cannot be decoded."""


class Sink(Protocol):
    def write(self, data: Any, /) -> int: ...


class Track(ABC):
    """Created for a clip's first picture, begun when the clip's file exists, used by one thread."""

    size: tuple[int, int]
    """Width and height in pixels."""
    source: CodedStream | None = None
    """The stream whose packets are copied; None where frames are encoded."""

    @abstractmethod
    def begin(self, sink: Sink) -> None: ...

    @abstractmethod
    def accepts(self, frame: FrameOrPacket) -> bool:
        """Whether the track can hold it: a picture of the same size, or a packet of the same stream."""

    @abstractmethod
    def add(self, frame: FrameOrPacket, seconds: float) -> bool:
        """Add an accepted picture captured `seconds` after the first. False for a packet without a picture: it is
        written with the next. OSError of the sink, av.FFmpegError of the encoder."""

    @abstractmethod
    def finish(self) -> None:
        """Write what is still pending, and the index. OSError of the sink."""


def can_begin_clip(frame: FrameOrPacket) -> bool:
    """Whether a clip can begin with it: a frame, or a key frame."""
    return isinstance(frame, FrameData) or frame.is_key
