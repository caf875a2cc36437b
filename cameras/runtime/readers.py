"""First-class readers of a camera's frames: a bounded queue each, in order, whose overflow is counted."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from cameras.drivers.base import FrameData
from cameras.drivers.packets import Coded, PacketData

log = logging.getLogger(__name__)
Preparation = Callable[[FrameData], FrameData]
Item = TypeVar("Item")
MOST_BYTES = 256_000_000
"""That a reader's queue may hold, unless it is one frame."""
MUCH_BYTES = 64_000_000
"""Half of it is about a second of a camera of 1280 x 1024 pixels."""
MOST_PACKETS = 2_000
MOST_PACKET_BYTES = 64_000_000


class Reader(Generic[Item]):
    """Every frame, in order, until its bound. `lost` counts what did not fit, and what the driver had no time for."""

    def __init__(self, most: int, prepare: Preparation | None = None) -> None:
        self._items: deque[Any] = deque()
        self._most, self._bytes = most, 0
        self._room = (most, MOST_BYTES)
        """In number and bytes, of what was put last."""
        self._prepare = prepare
        self._filled = threading.Condition()
        self.closed = False
        """No further frame comes; those that are here may still be taken."""
        self.lost = self._lost_before_newest = 0
        self._in_stream = False
        """Whether what was put last was a frame, so that what is missed before the next one was missed here."""

    @property
    def lost_since_newest(self) -> int:
        """Of those that were lost, after the newest that was not."""
        return self.lost - self._lost_before_newest

    def accepts_packets(self, coded: Coded | None) -> bool:
        """Whether it wants the packets of such a stream in place of frames."""
        return False

    def put_packet(self, packet: PacketData) -> None:
        """Only of a stream that it takes."""

    def put_frame(self, frame: FrameData) -> None:
        """On the owner's thread. A frame that cannot be prepared is lost; the camera goes on."""
        self._count_lost(frame.missed if self._in_stream else 0)
        self._in_stream = True
        try:
            prepared = self._prepare(frame) if self._prepare else frame
        except Exception:
            if not self.lost:
                log.exception("Frame %s cannot be prepared for its reader; others are only counted.", frame.number)
            self._count_lost(1)
            return
        with self._filled:
            self._append(prepared, self._most, MOST_BYTES)

    def _append(self, item: FrameData | PacketData, most: int, most_bytes: int) -> bool:
        """False when there was no room for it."""
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
        """The next frame; None when none came in time or the reader is closed and empty."""
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
        """Whether half of its room is taken, or much waits: what gives way shall do so long before anything is lost."""
        most, most_bytes = self._room
        return 2 * len(self._items) > most or 2 * self._bytes > min(most_bytes, MUCH_BYTES)

    def close(self) -> None:
        with self._filled:
            self.closed = True
            self._filled.notify_all()


class FrameReader(Reader[FrameData]):
    """Of frames alone."""


class CopyingReader(Reader[FrameData | PacketData]):
    """Of the packets of a camera where they can be copied, else of its frames."""

    def __init__(self, most: int, prepare: Preparation | None = None) -> None:
        super().__init__(most, prepare)
        self._refused: Coded | None = None
        self._broken = False

    def accepts_packets(self, coded: Coded | None) -> bool:
        return coded is not None and coded is not self._refused

    def refuse_packets(self, coded: Coded) -> None:
        """Of this stream rather frames."""
        self._refused = coded

    def put_packet(self, packet: PacketData) -> None:
        """Without one that did not fit, what follows is of no use until the next key frame: it is lost with it."""
        with self._filled:
            self._in_stream = False
            if self.closed:
                return
            if self._broken and not packet.is_key:
                self.lost += 1
            else:
                self._broken = not self._append(packet, MOST_PACKETS, MOST_PACKET_BYTES)
