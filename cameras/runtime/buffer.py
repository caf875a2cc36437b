"""`SharedFrameBuffer`: the camera loop and the still thread put each frame into it, and consumers read from it.

Recording reads every frame, in order, from a bounded queue that counts frames that do not fit. Live view reads the
newest frame only, so it never slows down the others.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from cameras.drivers.base import FrameData
from cameras.drivers.packets import CodedStream, PacketData
from cameras.runtime.readers import CopyingReader, FrameReader, Preparation, QueueLimits, Reader

log = logging.getLogger(__name__)
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
    packets are counted instead of frames; frames then serve live view only."""

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
