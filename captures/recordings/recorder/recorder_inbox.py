"""What the thread of the camera loop passes to the recorder's thread: requests, and frames."""

from __future__ import annotations

import math
import threading
import time

from cameras.runtime.spec import Recording
from captures.recordings.recorder.frame_queue import FrameQueue
from captures.recordings.recorder.tracks import FrameOrPacket

# Far below `RecorderTimes.stuck_s`: `ClipWriter.ran_at` is renewed once in each wait. Also how late a silent camera or
# a failed root is noticed while no frame comes.
WAIT_S = 0.2


class RecorderInbox:
    """`_changed` guards the requests and the readers of the queue. Any thread reads `desired` and `rotated`, which are
    replaced as a whole."""

    def __init__(self, queue: FrameQueue) -> None:
        self._queue = queue
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
                self._queue.open_reader()
            else:
                self._queue.close_reader()
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
        if self._queue.reader is None:
            with self._changed:
                self._changed.wait_for(lambda: self._queue.reader is not None or self._stopping, WAIT_S)
            return None
        return self._queue.get(WAIT_S) if self._has_time else None

    @property
    def _has_time(self) -> bool:
        return time.monotonic() < self._write_until

    @property
    def is_read_to_end(self) -> bool:
        """Whether recording was stopped, and its frames are read or the time for them is over. A closed reader gets no
        more frames."""
        reader = self._queue.reader
        # `closed` is read before the length: an open reader that is empty may get a frame in between.
        return reader is not None and reader.closed and not (len(reader) and self._has_time)

    def open_next(self) -> bool:
        """Drop what is left of the stopped recording. Returns whether recording was started again meanwhile."""
        with self._changed:
            # Under the lock: `request` looks at the last reader on the other thread while this removes the first.
            self._queue.drop_reader()
            return self._queue.reader is not None

    @property
    def is_over(self) -> bool:
        """Whether the process ends and nothing is left to write."""
        return self._stopping and self._queue.reader is None
