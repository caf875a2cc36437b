"""A bounded queue of frames, in order, limited by number and memory."""

from __future__ import annotations

from collections import deque

from cameras.drivers.base import FrameData

MOST_FRAMES, FEWEST_FRAMES, MOST_BYTES = 64, 6, 128_000_000
"""As many frames as fit into MOST_BYTES, but at least FEWEST_FRAMES of any size."""


class FrameQueue:
    """`lost` counts the frames that were dropped before they were read."""

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
