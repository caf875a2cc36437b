"""Frames and packets on their way to the recorder."""

from __future__ import annotations

from collections import deque

from cameras.drivers.packets import CodedStream
from cameras.runtime.buffer import SharedFrameBuffer
from cameras.runtime.readers import CopyingReader
from captures.recordings.recorder.loss_counter import LossCounter
from captures.recordings.recorder.pixels import as_i420
from captures.recordings.recorder.tracks import FrameOrPacket

QUEUE_FRAMES = 300
"""Twenty seconds for most cameras, in case a disk takes long to sync the beginning of a clip; fewer if the pictures are
large (`QueueLimits.frame_bytes`). Where disk and machine are fast, one or two frames are queued."""


class FrameQueue:
    """One reader for each start of the recording: frames queued before a stop are read before those after the next
    start. The camera's thread calls `open_reader` and `close_reader`, the recorder's thread the other methods; any
    thread reads the properties."""

    def __init__(self, buffer: SharedFrameBuffer, losses: LossCounter) -> None:
        self._buffer, self._losses = buffer, losses
        self._readers: deque[CopyingReader] = deque()

    def open_reader(self) -> None:
        """Idempotent."""
        if not self._readers or self._readers[-1].closed:
            # Converted before it is queued: I420 has half the bytes of RGB, of which 64 frames of 1280x1024 are 250 MB.
            self._readers.append(self._buffer.open_copying_reader(QUEUE_FRAMES, as_i420))

    def close_reader(self) -> None:
        """Queued frames stay. Idempotent."""
        if self._readers and not self._readers[-1].closed:
            self._buffer.close_reader(self._readers[-1])

    @property
    def copies_packets(self) -> bool:
        """Whether the camera's own packets are queued instead of frames."""
        return bool(self._readers) and self._readers[-1].accepts_packets(self._buffer.coded)

    @property
    def coded(self) -> CodedStream | None:
        """The camera's coded stream; None where packets cannot be copied, or while the camera is disconnected."""
        return self._buffer.coded

    @property
    def reader(self) -> CopyingReader | None:
        """The reader in use; None when everything is read."""
        return self._readers[0] if self._readers else None

    def get(self, timeout: float) -> tuple[FrameOrPacket, int] | None:
        """The next frame or packet, and how many were lost before it; None if none came in time."""
        reader = self.reader
        frame = reader.get(timeout) if reader is not None else None
        return None if reader is None or frame is None else (frame, self._losses.count_before(frame, reader.lost))

    def __len__(self) -> int:
        """How many frames wait in the reader in use."""
        reader = self.reader
        return 0 if reader is None else len(reader)

    def count_lost_at_end(self) -> int:
        """How many frames of a stopped recording were lost after the last one that was read, including those that still
        wait: they are never written."""
        reader = self.reader
        lost = 0 if reader is None else self._losses.count_after(reader) + len(reader)
        self._losses.reset()
        return lost

    def drop_reader(self) -> None:
        """Go on to the frames after the next start."""
        self._readers.popleft()

    def refuse_packets(self, coded: CodedStream) -> None:
        """From now on, queue frames of this stream instead of packets."""
        reader = self.reader
        if reader is not None:
            reader.refuse_packets(coded)
