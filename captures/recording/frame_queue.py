"""What is captured while recording is wished, on its way to the recorder."""

from __future__ import annotations

from collections import deque

from cameras.runtime.buffer import SharedFrameBuffer
from cameras.runtime.readers import CopyingReader
from captures.recording.pixels import as_i420

QUEUE_FRAMES = 300
"""Twenty seconds of most cameras, for a disk that takes long to sync the beginning of a clip; of large pictures as many
as `readers.MOST_BYTES` hold. Where neither disk nor machine is slow, one or two wait."""


class FrameQueue:
    """A reader for each time that recording is wished: what was queued before a stop is read before what comes after.
    `open_reader` and `close_reader` by the thread that orders, the rest by the one that reads."""

    def __init__(self, buffer: SharedFrameBuffer) -> None:
        self._buffer = buffer
        self._readers: deque[CopyingReader] = deque()

    def open_reader(self) -> None:
        """Idempotent."""
        if not self._readers or self._readers[-1].closed:
            self._readers.append(self._buffer.open_copying_reader(QUEUE_FRAMES, as_i420))

    def close_reader(self) -> None:
        """What is queued stays. Idempotent."""
        if self._readers and not self._readers[-1].closed:
            self._buffer.close_reader(self._readers[-1])

    @property
    def reader(self) -> CopyingReader | None:
        """The one that is read; None once all is read."""
        return self._readers[0] if self._readers else None

    def next_reader(self) -> CopyingReader | None:
        """After one that is closed and empty."""
        self._readers.popleft()
        return self.reader

    @property
    def copies_packets(self) -> bool:
        """Whether the camera's own packets come, and no frames."""
        return bool(self._readers) and self._readers[-1].takes(self._buffer.coded)
