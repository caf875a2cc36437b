"""`SharedFrameBuffer`: where the owner puts each frame, and how others take it.

Recording and stills are first class: a bounded queue, in order, whose overflow is counted and never silent.
Live view is newest-only: it can never slow the others down.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

from cameras.drivers.base import FrameData

log = logging.getLogger(__name__)
StreamingCallback = Callable[[FrameData], None]


class FrameReader:
    """A first-class reader: every frame, in order, until its bound. `lost` counts what did not fit."""

    def __init__(self, most: int) -> None:
        self._frames: deque[FrameData] = deque()
        self._most = most
        self._filled = threading.Condition()
        self._closed = False
        self.lost = 0

    def put(self, frame: FrameData) -> None:
        with self._filled:
            if len(self._frames) >= self._most:
                self.lost += 1
                return
            self._frames.append(frame)
            self._filled.notify()

    def get(self, timeout: float) -> FrameData | None:
        """The next frame; None when none came in time or the reader is closed and empty."""
        with self._filled:
            self._filled.wait_for(lambda: self._frames or self._closed, timeout)
            return self._frames.popleft() if self._frames else None

    def close(self) -> None:
        with self._filled:
            self._closed = True
            self._filled.notify_all()


class SharedFrameBuffer:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: FrameData | None = None
        self._readers: list[FrameReader] = []
        self._callbacks: list[StreamingCallback] = []
        self.frames = 0
        self.callback_failures = 0
        self._lost_before = 0

    def put_frame(self, frame: FrameData) -> None:
        """Called by the owner for each frame. Never blocks and never raises for a reader's sake."""
        with self._lock:
            self._newest = frame
            self.frames += 1
            readers, callbacks = list(self._readers), list(self._callbacks)
        for reader in readers:
            reader.put(frame)
        for callback in callbacks:
            self._call(callback, frame)

    def _call(self, callback: StreamingCallback, frame: FrameData) -> None:
        try:
            callback(frame)
        except Exception:
            self.callback_failures += 1
            log.exception("A streaming callback failed on frame %s; the camera goes on.", frame.number)

    def get_frame_for_streaming(self) -> FrameData | None:
        """The newest frame, or None before the first. Never blocks."""
        with self._lock:
            return self._newest

    def register_streaming_callback(self, callback: StreamingCallback) -> None:
        """`callback` is told of each frame on the owner's thread: it must only note it and return."""
        with self._lock:
            self._callbacks.append(callback)

    def open_reader(self, most: int) -> FrameReader:
        """A first-class reader with room for `most` frames."""
        reader = FrameReader(most)
        with self._lock:
            self._readers.append(reader)
        return reader

    def close_reader(self, reader: FrameReader) -> None:
        with self._lock:
            self._readers.remove(reader)
            self._lost_before += reader.lost
        reader.close()

    @property
    def lost(self) -> int:
        """Frames that first-class readers had no room for."""
        with self._lock:
            return self._lost_before + sum(reader.lost for reader in self._readers)
