"""Frames that a still has read from a stream before the reader of the stream."""

from __future__ import annotations

import math
from collections import deque

from cameras.drivers.base import Clock, FrameData

MOST_FRAMES = 16


class FramesAhead:
    """They come first when the stream is read again, so that its reader gets every frame, in order. Without a reader
    for `streaming_s` seconds they are dropped.

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
        self._drop_to(MOST_FRAMES if self.is_streaming else 0)

    def next(self) -> FrameData | None:
        """The oldest one, for a reader of the stream; None without one."""
        self._drop_to(MOST_FRAMES if self.is_streaming else 0)
        self._read_at = self._clock.monotonic()
        return self._frames.popleft() if self._frames else None

    def _drop_to(self, most: int) -> None:
        while len(self._frames) > most:
            self._frames.popleft()
            self.missed += 1
