"""When a picture was captured, out of when its packet came and of what the camera's own clock says."""

from __future__ import annotations

LONGEST_STEP_S = 10.0
"""A longer step, or one back, is another beginning of the camera's clock."""
DRIFT = 1.001
"""The camera's clock may be this much slower than ours."""
LATEST_S = 10.0


class Moments:
    """A packet comes late when the network or the machine stood still, and never early. So a picture is as old as its
    arrival says, or as the time of the one before plus the step on the camera's clock, whichever is earlier."""

    def __init__(self, parsed: int) -> None:
        """`parsed` packets later is when a packet is seen to be complete."""
        self._parsed = parsed
        self._stamp: float | None = None
        self._captured = float("-inf")
        self._step = 0.0

    def captured(self, arrived: float, stamp: float | None) -> float:
        """Seconds of the monotonic clock, rising, as `arrived` is; `stamp` is seconds of the camera's own."""
        expected = self._expected(stamp)
        earliest = arrived - self._parsed * self._step
        found = min(earliest, expected) if earliest - expected < LATEST_S else earliest
        self._captured = max(found, self._captured + 1e-6)
        return self._captured

    def _expected(self, stamp: float | None) -> float:
        """What the camera's clock says, or infinity where it says nothing."""
        before, self._stamp = self._stamp, stamp
        if before is None or stamp is None or not 0 < stamp - before <= LONGEST_STEP_S:
            return float("inf")
        self._step = stamp - before
        return self._captured + self._step * DRIFT
