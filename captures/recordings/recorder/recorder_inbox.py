"""What waits for the writer of clips: commands, and frames in I420, which is half the size of RGB; how many frames
were lost."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cameras.drivers.base import FrameData, Pixels
from cameras.drivers.packets import CodedStream
from cameras.runtime.buffer import CopyingReader, SharedFrameBuffer
from cameras.runtime.spec import Recording
from captures.recordings.recorder.tracks import FrameOrPacket

# Far below `RecorderTimes.stuck_s`: `ClipWriter.ran_at` is renewed once in each wait. Also how late a silent camera or
# a failed root is noticed while no frame comes.
WAIT_S = 0.2


class RecorderInbox:
    """`_changed` guards the requests and the readers of `queue`. Any thread reads `desired` and `rotated`, which are
    replaced as a whole."""

    def __init__(self, queue: FrameQueue) -> None:
        self.queue = queue
        self._changed = threading.Condition()
        self._requested = False
        self._stopping = False
        self._write_until = math.inf
        self.desired: Recording | None = None
        self.queued_desired: Recording | None = None
        """The desired recording when the queued frames were captured. It is kept after a stop."""
        self.rotated = ""
        """The clip that the last `rotate` ends."""

    # On the thread of the camera loop

    def request(self, desired: Recording | None) -> None:
        """Frames are queued from the next one on; with None, no more are."""
        with self._changed:
            # A start that is only sent again must not end the retry delay of a disk or an encoder that fails.
            if desired and desired != self.desired:
                self._requested = True
            self.desired, self.queued_desired = desired, desired or self.queued_desired
            if desired:
                self.queue.open_reader()
            else:
                self.queue.close_reader()
            self._changed.notify_all()

    def rotate(self, clip: str) -> None:
        """Let the next frame begin another clip, if this one is still open."""
        self.rotated = clip

    def stop(self, write_s: float) -> None:
        """The process ends: frames that are still queued after `write_s` seconds are lost."""
        self._write_until = time.monotonic() + write_s
        self.request(None)
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    # On the recorder's thread

    def pop_request(self) -> bool:
        """Whether another recording was requested since the last call."""
        # Read without the lock, as this runs for each frame; a request that is set just now is seen in the next pass.
        if not self._requested:
            return False
        with self._changed:
            self._requested = False
        return True

    def next_frame(self) -> tuple[FrameOrPacket, int] | None:
        """The next frame or packet, and how many were lost before it; None if none came in time. After a stop, the
        queue is read to its end."""
        # Read without the lock: only this thread removes readers, so one that is found here stays.
        if self.queue.reader is None:
            with self._changed:
                self._changed.wait_for(lambda: self.queue.reader is not None or self._stopping, WAIT_S)
            return None
        return self.queue.get(WAIT_S) if self._has_time else None

    @property
    def _has_time(self) -> bool:
        return time.monotonic() < self._write_until

    @property
    def is_read_to_end(self) -> bool:
        """Whether recording was stopped, and its frames are read or the time for them is over. A closed reader gets no
        more frames."""
        reader = self.queue.reader
        # `closed` is read before the length: an open reader that is empty may get a frame in between.
        return reader is not None and reader.closed and not (len(reader) and self._has_time)

    def open_next(self) -> bool:
        """Drop what is left of the stopped recording. Returns whether recording was started again meanwhile."""
        with self._changed:
            # Under the lock: `request` looks at the last reader on the other thread while this removes the first.
            self.queue.drop_reader()
            return self.queue.reader is not None

    @property
    def is_over(self) -> bool:
        """Whether the process ends and nothing is left to write."""
        return self._stopping and self.queue.reader is None


QUEUE_FRAMES = 300
"""Twenty seconds for most cameras, in case a disk takes long to sync the beginning of a clip; fewer if the pictures are
large (`QueueLimits.frame_bytes`). Where disk and machine are fast, one or two frames are queued."""


class FrameQueue:
    """One reader for each start of the recording: frames queued before a stop are read before those after the next
    start. The camera's thread calls `open_reader` and `close_reader`, the recorder's thread the other methods; any
    thread reads the properties. It holds no frames itself, as the queue of the video driver does: they wait in its
    readers of `SharedFrameBuffer`."""

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


class LossCounter:
    """Counts frames that were captured and did not arrive: by their numbers where the driver numbers frames, else those
    that the queue or the driver dropped."""

    def __init__(self, *, numbered: bool) -> None:
        self._numbered = numbered
        self.reset()

    def reset(self) -> None:
        self._number, self._dropped = -1, 0

    def count_before(self, frame: FrameOrPacket, dropped: int) -> int:
        """How many were lost between the previous frame and this one. `dropped` is the queue's count so far. Numbers
        start again when the camera is reopened."""
        missing = frame.number - self._number - 1 if 0 <= self._number < frame.number else 0
        more, self._number, self._dropped = dropped - self._dropped, frame.number, dropped
        return missing if self._numbered else more

    def count_after(self, reader: CopyingReader) -> int:
        """How many were lost after the last frame of a reader that is closed and empty."""
        return reader.lost_since_newest if self._numbered else reader.lost - self._dropped


NEUTRAL_CHROMA = 128
"""The chroma of grey."""


def as_i420(frame: FrameData) -> FrameData:
    """The frame with its picture in I420: (height * 3 / 2, width), uint8; width and height are even."""
    return replace(frame, image=i420(frame.image))


def i420(image: NDArray[Any]) -> NDArray[np.uint8]:
    """From RGB or mono, uint8 or uint16. An odd last row or column is left out: browsers play H.264 of even size only.

    BT.601, limited range. Source: ITU-R BT.601-7; OpenCV, COLOR_RGB2YUV_I420.
    """
    import cv2

    height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    even = np.ascontiguousarray(image[:height, :width])
    pixels = (even >> 8).astype(np.uint8) if even.dtype == np.uint16 else even
    planes = np.full((height * 3 // 2, width), NEUTRAL_CHROMA, np.uint8)
    if pixels.ndim == 3:
        # Not by FFmpeg's swscale, which takes 3.3 ms for a picture of 1280x1024 where OpenCV takes 0.6.
        cv2.cvtColor(pixels, cv2.COLOR_RGB2YUV_I420, planes)
    else:
        # Limited range: 0 to 255 becomes 16 to 235, as `encoding` tags the stream.
        cv2.convertScaleAbs(pixels, planes[:height], 219 / 255, 16)
    return planes


def size_of(planes: Pixels) -> tuple[int, int]:
    """Width and height in pixels of an I420 picture."""
    return planes.shape[1], planes.shape[0] * 2 // 3
