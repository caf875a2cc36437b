"""Frames and packets on their way to the recorder."""

from __future__ import annotations

from collections import deque

from cameras.runtime.buffer import SharedFrameBuffer
from cameras.runtime.readers import CopyingReader
from captures.recording.pixels import as_i420

QUEUE_FRAMES = 300
"""Twenty seconds for most cameras, in case a disk takes long to sync the beginning of a clip; fewer if the pictures are
large (`readers.MOST_BYTES`). Where disk and machine are fast, one or two frames are queued."""


class FrameQueue:
    """One reader for each start of the recording: frames queued before a stop are read before those after the next
    start. The camera's thread calls `open_reader` and `close_reader`, the recorder's thread the rest."""

    def __init__(self, buffer: SharedFrameBuffer) -> None:
        self._buffer = buffer
        self._readers: deque[CopyingReader] = deque()

    def open_reader(self) -> None:
        """Idempotent."""
        if not self._readers or self._readers[-1].closed:
            self._readers.append(self._buffer.open_copying_reader(QUEUE_FRAMES, as_i420))

    def close_reader(self) -> None:
        """Queued frames stay. Idempotent."""
        if self._readers and not self._readers[-1].closed:
            self._buffer.close_reader(self._readers[-1])

    @property
    def reader(self) -> CopyingReader | None:
        """The reader in use; None when everything is read."""
        return self._readers[0] if self._readers else None

    def next_reader(self) -> CopyingReader | None:
        """Drop the first reader, which is closed and empty."""
        self._readers.popleft()
        return self.reader

    @property
    def copies_packets(self) -> bool:
        """Whether the camera's own packets are queued instead of frames."""
        return bool(self._readers) and self._readers[-1].accepts_packets(self._buffer.coded)
