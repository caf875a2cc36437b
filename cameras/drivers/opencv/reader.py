"""The thread that reads a device continuously, so that no frame waits in the kernel and an unplugged device is
noticed. A reader of the stream gets every frame, in order, from a queue that is limited by number and memory. Frames
that no one reads are not decoded."""

from __future__ import annotations

import atexit
import logging
import math
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

import cv2

from cameras.drivers.base import CameraError, Clock, FrameData
from cameras.drivers.opencv.stream import Stream

log = logging.getLogger(__name__)
T = TypeVar("T")

STREAMING_S = 2.0
"""A reader that requested a frame within this time gets every frame; otherwise it gets those from now on."""
READ_S = 0.1
"""How long a read waits before queued jobs run."""
SLICE_S = 0.02
"""The interval at which a wait checks for an interruption."""
SILENT_S = 4.0
"""A device that gives no picture for this long plus one frame interval has failed."""
CLOSE_TIMEOUT_S = 1.0
"""How long `close` waits for a running read. After that the thread ends on its own."""


class Reader:
    """Reads from its construction on. `failure` is why it ended. Frames are numbered as they are read: one that was
    dropped or could not be decoded leaves a gap in the numbers and is counted in the log."""

    def __init__(self, stream: Stream, clock: Clock, interval_s: float) -> None:
        self.failure: CameraError | None = None
        self.interval_s = interval_s
        """From one frame to the next, at most."""
        self._stream, self._clock = stream, clock
        self._queue = FrameQueue()
        self._changed = threading.Condition()
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()
        self._number, self._undecoded, self._logged_lost = 0, 0, 0
        self._streamed_until, self._stills = -math.inf, 0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="video-device", daemon=True)
        self._thread.start()
        atexit.register(self.close)  # C++ aborts the process when Python ends a thread that is inside a call

    # For readers of frames

    def next_frame(self, deadline: float) -> FrameData | None:
        """The next frame of the stream; None when the deadline passed or the wait was interrupted."""
        with self._changed:
            # Frames of an earlier stream are old; a reader of a running stream must get every one.
            if not self._streams():
                self._queue.clear()
        with self._streaming():
            frame = self._wait(self._queue.pop_oldest, deadline)
        self._log_lost_frames()
        return frame

    def next_still(self, skip: int, deadline: float) -> FrameData | None:
        """The frame after the next `skip` ones from now on. It stays in the stream; None as for `next_frame`."""
        ordered = self._clock.monotonic()
        with self._streaming() if self._streams() else self._once():
            return self._wait(lambda: self._queue.frame_after(ordered, skip), deadline)

    def between_reads(self, job: Callable[[], T], deadline: float) -> T:
        """Run `job` on the reading thread and return its result. CameraError too_slow when it does not run in time."""
        future: Future[T] = Future()
        # Before the check of `failure`: `_end` sets it before it empties the queue, so a job is either failed there or
        # noticed here.
        self._jobs.put((job, future))
        if self.failure is not None:
            raise self.failure
        try:
            return future.result(max(0.0, deadline - self._clock.monotonic()))
        except TimeoutError:
            # The thread then skips the job, if it has not begun: no one waits for its result.
            future.cancel()
        raise CameraError("The camera was too busy to apply its new settings in time.", reason="too_slow")

    def close(self) -> None:
        """Idempotent. Does not wait for a hanging read: its thread closes the device when the read returns."""
        # The registration holds a reference: without this each reopening would keep a reader with its frames.
        atexit.unregister(self.close)
        self._closing = True
        self._thread.join(CLOSE_TIMEOUT_S)

    # Waiting

    def _wait(self, found: Callable[[], FrameData | None], deadline: float) -> FrameData | None:
        while True:
            left = deadline - self._clock.monotonic()
            with self._changed:
                frame = found()
                if frame is None and self.failure is None and left > 0:
                    # In slices: an interruption of the clock does not notify this condition.
                    self._changed.wait(min(SLICE_S, left))
                    frame = found()
            if frame is not None:
                return frame
            if self.failure is not None:
                raise self.failure
            if left <= 0 or self._clock.wait(0):
                return None

    def _streams(self) -> bool:
        return self._clock.monotonic() < self._streamed_until

    @contextmanager
    def _streaming(self) -> Iterator[None]:
        self._streamed_until = math.inf
        try:
            yield
        finally:
            self._streamed_until = self._clock.monotonic() + STREAMING_S

    @contextmanager
    def _once(self) -> Iterator[None]:
        self._stills += 1
        try:
            yield
        finally:
            self._stills -= 1
            with self._changed:
                self._queue.clear()

    def _log_lost_frames(self) -> None:
        lost = self._queue.lost + self._undecoded
        if lost > self._logged_lost:
            log.warning("%d frames of a USB camera were lost: not read in time, or damaged.", lost - self._logged_lost)
            self._logged_lost = lost

    # The thread

    def _run(self) -> None:
        try:
            self._read()
        except CameraError as error:
            self._end(error)
        except Exception as error:
            log.exception("The frames of a USB camera could not be read.")
            message = f"The camera's frames could not be read ({type(error).__name__}); Skycam reopens the camera."
            self._end(CameraError(message, reason="camera_unreachable"))
        # Here and not in `close`: a capture must not be released while this thread reads it.
        self._stream.close()

    def _end(self, failure: CameraError) -> None:
        with self._changed:
            self.failure = failure
            self._changed.notify_all()
        # Else a caller of `between_reads` would wait for a dead thread until its deadline.
        while not self._jobs.empty():
            _, future = self._jobs.get()
            if future.set_running_or_notify_cancel():
                future.set_exception(failure)

    def _read(self) -> None:
        seen = self._clock.monotonic()
        while not self._closing:
            if self._run_job():
                # A job restarts the stream for up to 2 s, which is not the camera's silence.
                seen = self._clock.monotonic()
            # Not read(): it waits for up to 2 s (OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT), and jobs and `close` with it.
            if self._stream.arrived(READ_S):
                seen = self._store_frame(seen)
            elif self._clock.monotonic() - seen > SILENT_S + self.interval_s:
                raise self._stream.read_error()

    def _run_job(self) -> bool:
        """Run one queued job; True if there was one."""
        if self._jobs.empty():
            return False
        job, future = self._jobs.get()
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(job())
            except (CameraError, OSError, cv2.error) as error:
                future.set_exception(error)
        return True

    def _store_frame(self, seen: float) -> float:
        """Queue the frame that arrived. Returns when a picture was last seen: now, or `seen` if this one could not be
        decoded."""
        now, now_ns = self._clock.monotonic(), self._clock.wall_ns()
        number, self._number = self._number, self._number + 1
        # Discarding without decoding costs 1 % of a core instead of 8 % (1280x1024 at 15 fps).
        if not (self._stills or self._streams()):
            self._stream.discard()
            return now
        image, captured = self._stream.image(), self._stream.captured(now)
        if image is None:
            self._undecoded += 1
            # A device that sends only damaged pictures is treated as silent.
            return seen
        captured = now if captured is None else captured
        with self._changed:
            self._queue.add(FrameData(image, now_ns - round((now - captured) * 1e9), captured, number))
            self._changed.notify_all()
        return now


MOST_FRAMES, FEWEST_FRAMES, MOST_BYTES = 64, 6, 128_000_000
"""As many frames as fit into MOST_BYTES, but at least FEWEST_FRAMES of any size."""


class FrameQueue:
    """`lost` counts the frames that were dropped before they were read. Unlike a reader of `SharedFrameBuffer`, it
    drops the oldest frame when it is full, and gives a still without taking it out of the stream."""

    def __init__(self) -> None:
        self._frames: deque[FrameData] = deque()
        self.lost = 0

    def add(self, frame: FrameData) -> None:
        """Add a frame; the oldest are dropped when the queue is full."""
        self._frames.append(frame)
        most = max(FEWEST_FRAMES, min(MOST_FRAMES, MOST_BYTES // max(1, frame.size)))
        while len(self._frames) > most:
            self._frames.popleft()
            self.lost += 1

    def pop_oldest(self) -> FrameData | None:
        """Remove and return the oldest frame; None if there is none."""
        return self._frames.popleft() if self._frames else None

    def frame_after(self, ordered: float, skip: int) -> FrameData | None:
        """The frame after the first `skip` frames captured after `ordered` (monotonic seconds). It stays in the
        queue."""
        # By the time of capture and not of arrival: a frame that waited in the kernel may be older than the request.
        later = [frame for frame in self._frames if frame.monotonic > ordered]
        return later[skip] if len(later) > skip else None

    def clear(self) -> None:
        """Drop all frames without counting them as lost."""
        self._frames.clear()
