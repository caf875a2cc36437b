"""What a recorder counts as lost."""

from __future__ import annotations

from cameras.runtime.readers import CopyingReader
from captures.recording.tracks import FrameOrPacket


class LossCounter:
    """Frames that were captured and did not come here: by their numbers, where a driver numbers them, else those for
    which the queue had no room, or the driver no time."""

    def __init__(self, *, numbered: bool) -> None:
        self._numbered = numbered
        self.reset()

    def reset(self) -> None:
        self._number, self._dropped = -1, 0

    def count_before(self, frame: FrameOrPacket, dropped: int) -> int:
        """How many between the frame before and this one. `dropped` counts what the queue has dropped so far. Numbers
        begin anew when the camera is opened anew."""
        missing = frame.number - self._number - 1 if 0 <= self._number < frame.number else 0
        more, self._number, self._dropped = dropped - self._dropped, frame.number, dropped
        return missing if self._numbered else more

    def count_after(self, reader: CopyingReader) -> int:
        """How many after the last frame of a reader that is closed and empty."""
        return reader.lost_since_newest if self._numbered else reader.lost - self._dropped
