"""Readers of a camera's frames. Each has a bounded queue, keeps the order and counts its overflow."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from cameras.drivers.base import FrameData
from cameras.drivers.packets import CodedStream, PacketData

log = logging.getLogger(__name__)
Preparation = Callable[[FrameData], FrameData]
Item = TypeVar("Item")
MUCH_BYTES = 64_000_000
"""Half of it is about one second of a camera of 1280 x 1024 pixels."""


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """The most that the queue of a reader may hold. Each reader has its own number of frames."""

    frame_bytes: int = 256_000_000
    """A single frame may be larger."""
    packets: int = 2_000
    packet_bytes: int = 64_000_000


class Reader(Generic[Item]):
    """Reads every frame, in order, within its bound. `lost` counts those that did not fit or that the driver missed."""

    def __init__(self, most: int, prepare: Preparation | None, limits: QueueLimits) -> None:
        self._items: deque[Any] = deque()
        self._most, self._limits, self._bytes = most, limits, 0
        self._room = (most, limits.frame_bytes)
        """The bounds that held for the newest item: number and bytes."""
        self._prepare = prepare
        self._filled = threading.Condition()
        self.closed = False
        """No further frame is added; those in the queue can still be read."""
        self.lost = self._lost_before_newest = 0
        self._in_stream = False
        """Whether the newest item was a frame. Then frames missed before the next one were missed by this reader."""

    @property
    def lost_since_newest(self) -> int:
        """Items that were lost after the newest in the queue."""
        return self.lost - self._lost_before_newest

    def accepts_packets(self, coded: CodedStream | None) -> bool:
        """Whether it reads the packets of this stream instead of frames."""
        return False

    def put_packet(self, packet: PacketData) -> None:
        """Called only for streams whose packets it accepts."""

    def put_frame(self, frame: FrameData) -> None:
        """On the thread of the camera loop or the still thread, one frame at a time. A frame that cannot be prepared is
        lost; the camera continues."""
        self._count_lost(frame.missed if self._in_stream else 0)
        self._in_stream = True
        # Outside the lock: the thread that reads must not wait for the conversion.
        try:
            prepared = self._prepare(frame) if self._prepare else frame
        except Exception:
            if not self.lost:
                log.exception(
                    "Frame %s cannot be prepared for its reader. Further ones are counted without a log line.",
                    frame.number,
                )
            self._count_lost(1)
            return
        with self._filled:
            self._append(prepared, self._most, self._limits.frame_bytes)

    def _append(self, item: FrameData | PacketData, most: int, most_bytes: int) -> bool:
        """False when the queue is full."""
        self._room = (most, most_bytes)
        if self._items and (len(self._items) >= most or self._bytes + item.size > most_bytes):
            self.lost += 1
            return False
        self._items.append(item)
        self._lost_before_newest = self.lost
        self._bytes += item.size
        self._filled.notify()
        return True

    def _count_lost(self, frames: int) -> None:
        with self._filled:
            self.lost += frames

    def get(self, timeout: float) -> Item | None:
        """The next item; None when none came in time, or when the reader is closed and its queue is empty."""
        with self._filled:
            self._filled.wait_for(lambda: self._items or self.closed, timeout)
            if not self._items:
                return None
            item: Item = self._items.popleft()
            self._bytes -= item.size  # type: ignore[attr-defined]
            return item

    def __len__(self) -> int:
        return len(self._items)

    @property
    def is_behind(self) -> bool:
        """Whether the queue is half full or holds much. Live view then skips frames, long before any are lost."""
        most, most_bytes = self._room
        return 2 * len(self._items) > most or 2 * self._bytes > min(most_bytes, MUCH_BYTES)

    def close(self) -> None:
        with self._filled:
            self.closed = True
            self._filled.notify_all()


class FrameReader(Reader[FrameData]):
    """Reads frames only."""


class CopyingReader(Reader[FrameData | PacketData]):
    """Reads the packets of a camera where they can be copied, else its frames."""

    def __init__(self, most: int, prepare: Preparation | None, limits: QueueLimits) -> None:
        super().__init__(most, prepare, limits)
        self._refused: CodedStream | None = None
        self._broken = False

    def accepts_packets(self, coded: CodedStream | None) -> bool:
        # By identity: each opening has a new stream, which may be one that can be copied.
        return coded is not None and coded is not self._refused

    def refuse_packets(self, coded: CodedStream) -> None:
        """From now on, read frames of this stream instead of packets."""
        self._refused = coded

    def put_packet(self, packet: PacketData) -> None:
        """After a packet that did not fit, all are lost until the next key frame: they cannot be decoded without it."""
        with self._filled:
            self._in_stream = False
            if self.closed:
                return
            if self._broken and not packet.is_key:
                self.lost += 1
            else:
                self._broken = not self._append(packet, self._limits.packets, self._limits.packet_bytes)
