"""`SharedFrameBuffer`: the camera loop and the still thread put each frame into it, and readers take it from there. A
reader has a bounded queue, keeps the order and counts its overflow: recording reads every frame. Live view reads the
newest frame only, so it never slows down the others."""

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


StreamingCallback = Callable[[FrameData], None]
AnyReader = TypeVar("AnyReader", bound=Reader[Any])


class CallbackRunner:
    """Calls a callback with the newest frame, on its own thread: a slow or hanging callback misses frames and does not
    slow down the camera. `missed` counts the frames that the callback did not get, `failures` how often it raised."""

    def __init__(self, callback: StreamingCallback) -> None:
        self._callback = callback
        self._frame: FrameData | None = None
        self._changed = threading.Condition()
        self.missed = self.failures = 0
        # Daemon: a callback that hangs must not keep the process from ending.
        threading.Thread(target=self._run, name="callback", daemon=True).start()

    def offer_frame(self, frame: FrameData) -> None:
        with self._changed:
            self.missed += self._frame is not None
            self._frame = frame
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._frame is not None)
                frame, self._frame = self._frame, None
            assert frame is not None
            # Outside the lock, for which the camera loop would have to wait in `offer_frame`.
            try:
                self._callback(frame)
            except Exception:
                self.failures += 1
                log.exception("A streaming callback failed on frame %s; the camera continues.", frame.number)
            # It would stay in memory until the next one comes.
            del frame


class SharedFrameBuffer:
    """Also the `PacketSink` of a driver that can pass on its camera's own coded pictures. While a reader copies those,
    packets are counted instead of frames; frames then serve live view only. It is no queue itself: each reader has one,
    which drops the newest frame when it is full."""

    def __init__(self, limits: QueueLimits | None = None) -> None:
        self._limits = limits or QueueLimits()
        self._lock = threading.Lock()
        self._putting = threading.Lock()
        """Held while a frame is put: readers get the frames of both threads one after the other."""
        self._newest: FrameData | None = None
        self._readers: list[Reader[Any]] = []
        self._callback_runners: list[CallbackRunner] = []
        self.coded: CodedStream | None = None
        """The camera's coded stream; None where packets cannot be copied."""
        self.frames = 0
        self.newest_ns: int | None = None
        """When the newest frame or packet was captured (UTC)."""
        self._lost_before = 0

    def put_frame(self, frame: FrameData) -> None:
        """The camera loop calls this for each frame. A reader never makes the call block or raise."""
        with self._putting:
            self._put_frame(frame)

    def put_fetched_frame(self, frame: FrameData) -> None:
        """The still thread calls this for a frame that was fetched. Readers get frames in their order, so it is left
        out when the stream has gone on since."""
        with self._putting:
            if self._newest is None or self._newest.monotonic <= frame.monotonic:
                self._put_frame(frame)

    def _put_frame(self, frame: FrameData) -> None:
        with self._lock:
            self._newest = frame
            readers = [reader for reader in self._readers if not reader.accepts_packets(self.coded)]
            # Otherwise `put_packet` counts: the same pictures also arrive as packets.
            if len(readers) == len(self._readers):
                self._count_frame(frame.captured_ns)
            callback_runners = list(self._callback_runners)
        # Outside the lock: readers convert the frame, and threads of the driver and of live view need the lock.
        for reader in readers:
            reader.put_frame(frame)
        for callback_runner in callback_runners:
            callback_runner.offer_frame(frame)

    def _count_frame(self, captured_ns: int) -> None:
        self.frames += 1
        self.newest_ns = captured_ns

    def get_frame_for_streaming(self) -> FrameData | None:
        """The newest frame, or None before the first. Never blocks."""
        with self._lock:
            return self._newest

    def register_streaming_callback(self, callback: StreamingCallback) -> CallbackRunner:
        """Call `callback` with the newest frame, each time after it has returned from the previous one."""
        callback_runner = CallbackRunner(callback)
        with self._lock:
            self._callback_runners.append(callback_runner)
        return callback_runner

    # Readers

    def open_reader(self, most: int, prepare: Preparation | None = None) -> FrameReader:
        """A reader with room for `most` frames. `prepare` converts each of them, on the thread of the camera loop."""
        return self._add_reader(FrameReader(most, prepare, self._limits))

    def open_copying_reader(self, most: int, prepare: Preparation | None = None) -> CopyingReader:
        """The same, but it reads the camera's own packets instead of frames where they can be copied."""
        return self._add_reader(CopyingReader(most, prepare, self._limits))

    def _add_reader(self, reader: AnyReader) -> AnyReader:
        with self._lock:
            self._readers.append(reader)
        return reader

    def close_reader(self, reader: Reader[Any]) -> None:
        with self._lock:
            # In one step with the count, so that `lost` neither misses nor repeats the losses of this reader.
            self._readers.remove(reader)
            self._lost_before += reader.lost
        reader.close()

    @property
    def is_behind(self) -> bool:
        """Whether a reader may soon lose frames. Live view then skips frames."""
        with self._lock:
            return any(reader.is_behind for reader in self._readers)

    @property
    def lost(self) -> int:
        """Frames that readers had no room for, or that the driver had no time for."""
        with self._lock:
            return self._lost_before + sum(reader.lost for reader in self._readers)

    # The camera's own packets, on a thread of the driver

    def begin(self, coded: CodedStream) -> None:
        with self._lock:
            self.coded = coded

    def end(self) -> None:
        with self._lock:
            self.coded = None

    @property
    def wants_packets(self) -> bool:
        with self._lock:
            return any(reader.accepts_packets(self.coded) for reader in self._readers)

    def put_packet(self, packet: PacketData) -> None:
        """Packets that arrive after the end of their stream are dropped, so a copy is complete when its stream ends."""
        with self._lock:
            readers = [
                reader for reader in self._readers if reader.accepts_packets(packet.of) and packet.of is self.coded
            ]
            # Under the lock, so that `end` on another thread cannot come between the check and the last packet.
            for reader in readers:
                reader.put_packet(packet)
            if readers:
                self._count_frame(packet.captured_ns)
