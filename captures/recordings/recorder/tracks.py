"""The video track of a clip (frames are encoded, a camera's own packets are copied), and the times of its frames."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta
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


FIRST_INTERVAL_S = 1 / 15
"""The duration of a clip's only frame."""
TIMEOUT_S = 5.0
TIMEOUT_INTERVALS = 5
"""A clip ends when no frame comes for TIMEOUT_S and for TIMEOUT_INTERVALS intervals of its frames."""
FIRST_TIMEOUT_S = 20.0
"""The same for a clip with a single frame, whose interval is unknown."""
COPIED_TIMEOUT_S = 30.0
"""The same where packets are copied: the end of their stream is announced, and packets after a pause may be useless
without those before it."""
SAME_CLOCK_S = 1.0
"""A clip ends where the next one begins, unless the wall clock was set meanwhile."""


class ClipTimes:
    """The monotonic clock of the frames orders and measures them; the wall clock only dates the clip."""

    def __init__(self, first: FrameOrPacket, *, copied: bool) -> None:
        """`first` is counted only once it is added."""
        self._first, self._first_ns, self._copied = first.monotonic, first.captured_ns, copied
        self._interval_s = FIRST_INTERVAL_S
        self.newest = first.monotonic
        """When the newest frame was captured, in seconds of the monotonic clock."""
        self.frames = 0

    def add(self, frame: FrameOrPacket) -> None:
        if self.frames and frame.monotonic > self.newest:
            self._interval_s = frame.monotonic - self.newest
        self.newest = max(self.newest, frame.monotonic)
        self.frames += 1

    @property
    def started(self) -> float:
        """When the first frame was captured, in seconds since 1970."""
        return self._first_ns / 1e9

    @property
    def length_s(self) -> float:
        return self.newest - self._first

    def age_s(self, frame: FrameOrPacket) -> float:
        """Seconds from the clip's first frame to `frame`."""
        return frame.monotonic - self._first

    @property
    def timeout_s(self) -> float:
        """How long after the newest frame the next one still belongs to this clip."""
        if self._copied:
            return COPIED_TIMEOUT_S
        return FIRST_TIMEOUT_S if self.frames < 2 else max(TIMEOUT_S, TIMEOUT_INTERVALS * self._interval_s)

    def precedes(self, frame: FrameOrPacket) -> bool:
        """Whether `frame` follows the newest one without a gap, and is not older."""
        return 0 <= frame.monotonic - self.newest <= self.timeout_s

    def ended(self, next_frame: FrameOrPacket | None) -> datetime:
        """The exclusive end: where recording continues, the start of the next clip."""
        # The length of the last frame is unknown without a next one: it is assumed to last as long as the one before.
        length_s = self.newest - self._first + self._interval_s
        if next_frame is not None:
            length_s = next_frame.monotonic - self._first
        ended = moment(self._first_ns) + timedelta(seconds=length_s)
        if next_frame is not None and abs((moment(next_frame.captured_ns) - ended).total_seconds()) < SAME_CLOCK_S:
            # The wall clock may have been set back by less than SAME_CLOCK_S: a row that ends before it starts is
            # refused (constraint `a_clip_ends_after_its_beginning`), and the clip could never be ingested.
            return max(moment(next_frame.captured_ns), moment(self._first_ns))
        return ended


def moment(nanoseconds: int) -> datetime:
    """Exact to the microsecond, unlike a float of seconds."""
    whole, rest = divmod(nanoseconds // 1000, 1_000_000)
    return datetime.fromtimestamp(whole, UTC) + timedelta(microseconds=rest)
