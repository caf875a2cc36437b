"""What several drivers are built from: checks, waits that an abort ends, and the frames that a still has read ahead of
the stream."""

from __future__ import annotations

import math
import threading
from collections import deque
from typing import TypeVar

from cameras.drivers.base import Aborted, CameraError, Clock, FrameData, remaining
from core.times.durations import format_exposure

T = TypeVar("T")


def opened(part: T | None) -> T:
    """The part that a driver has while its camera is open; CameraError when it is closed."""
    if part is None:
        raise CameraError("The camera is closed. Open it first.", before_shutter=True)
    return part


def check_exposure_fits(exposure_us: float, clock: Clock, deadline: float) -> None:
    """CameraError too_slow, before the shutter, for an exposure that would end after the deadline."""
    if remaining(clock, deadline) < exposure_us / 1e6:
        raise CameraError(
            f"An exposure of {format_exposure(exposure_us)} does not fit into the allowed time. "
            "Use a shorter exposure, or allow more time.",
            reason="too_slow",
            before_shutter=True,
        )


ABORT_CHECK_S = 0.05
"""How often a wait checks for an abort."""


class AbortableWait:
    """The waits of an exposure, on the driver's thread, which `abort` ends from another."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._aborted = clock, threading.Event()

    def begin(self) -> None:
        """An exposure begins."""
        # An abort just before this is not lost: the clock stays interrupted until the camera loop clears it.
        self._aborted.clear()

    def abort(self) -> None:
        self._aborted.set()

    def check(self, deadline: float) -> None:
        """CameraError too_slow after the deadline; Aborted."""
        remaining(self._clock, deadline)
        if self._aborted.is_set() or self._clock.wait(0):
            raise Aborted

    def wait_until(self, due: float, deadline: float = math.inf) -> None:
        """Wait until `due`. CameraError too_slow when the deadline comes first; Aborted."""
        while (left := due - self._clock.monotonic()) > 0:
            # In steps, because `abort` sets the event from another thread without ending the clock's wait.
            step = min(left, remaining(self._clock, deadline), ABORT_CHECK_S)
            if self._clock.wait(step) or self._aborted.is_set():
                raise Aborted


MOST_AHEAD = 16


class FramesAhead:
    """Frames that a still has read from the stream. They come first when the stream is read again, so that its reader
    gets every frame, in order. Without a reader for `streaming_s` seconds they are dropped.

    `missed` counts the frames that no reader got.
    """

    def __init__(self, clock: Clock, streaming_s: float) -> None:
        self._clock, self._streaming_s = clock, streaming_s
        self._frames: deque[FrameData] = deque()
        self._read_at = -math.inf
        self.missed = 0

    @property
    def is_streaming(self) -> bool:
        return self._clock.monotonic() - self._read_at < self._streaming_s

    def add(self, frame: FrameData) -> None:
        """A still has read it, and it is a frame of the stream as well."""
        self._frames.append(frame)
        self._drop_to(MOST_AHEAD if self.is_streaming else 0)

    def next(self) -> FrameData | None:
        """The oldest one, for a reader of the stream; None without one."""
        self._drop_to(MOST_AHEAD if self.is_streaming else 0)
        self._read_at = self._clock.monotonic()
        return self._frames.popleft() if self._frames else None

    def _drop_to(self, most: int) -> None:
        while len(self._frames) > most:
            self._frames.popleft()
            self.missed += 1
