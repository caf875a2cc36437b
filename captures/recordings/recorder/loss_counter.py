"""Count the frames that a recorder lost."""

from __future__ import annotations

from cameras.runtime.readers import CopyingReader
from captures.recordings.recorder.tracks import FrameOrPacket


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
