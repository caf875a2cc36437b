"""The frames that wait for who takes them: every one, in order, as far as memory allows."""

from __future__ import annotations

from collections import deque

from cameras.drivers.base import FrameData

MOST_FRAMES, FEWEST_FRAMES, MOST_BYTES = 64, 6, 128_000_000
"""As many as fit into so many bytes, and a few of any size."""


class FrameQueue:
    """`lost` counts the frames that nobody took in time."""

    def __init__(self) -> None:
        self._frames: deque[FrameData] = deque()
        self.lost = 0

    def add(self, frame: FrameData) -> None:
        """The oldest make room."""
        self._frames.append(frame)
        most = max(FEWEST_FRAMES, min(MOST_FRAMES, MOST_BYTES // max(1, frame.size)))
        while len(self._frames) > most:
            self._frames.popleft()
            self.lost += 1

    def pop_oldest(self) -> FrameData | None:
        """The oldest, for the stream."""
        return self._frames.popleft() if self._frames else None

    def frame_after(self, ordered: float, skip: int) -> FrameData | None:
        """The one that follows the first `skip` of those captured after `ordered` (monotonic seconds). It stays."""
        later = [frame for frame in self._frames if frame.monotonic > ordered]
        return later[skip] if len(later) > skip else None

    def clear(self) -> None:
        """Nobody wants these."""
        self._frames.clear()
