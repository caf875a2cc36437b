"""When a picture was captured, out of when its packet came and of what the camera's own clock says."""

from __future__ import annotations

from collections import deque

LONGEST_STEP_S = 10.0
"""A longer step, or one back, is another beginning of the camera's clock."""
WINDOW_S = 10.0
"""Of packets of so many seconds one came in time."""
SLEW = 1 / 40
"""Of a step on the camera's clock: by so much it is followed at most when it runs slow. Pictures that are sent in
another order than they are seen keep theirs so: the next one to be seen is sent fewer than 40 later."""
LATEST_S = 10.0


class CaptureClock:
    """A packet comes late when the network or the machine stood still, and never early. So what our clock is ahead of
    the camera's is the least of what it was when the packets of the last moments came. Where the camera's clock is slow
    it rises, little by little."""

    def __init__(self, parsed: int) -> None:
        """`parsed` packets later is when a packet is seen to be complete."""
        self._parsed = parsed
        self._stamp: float | None = None
        self._captured = float("-inf")
        self._step_s = 0.0
        self._ahead_s = 0.0
        self._least: deque[tuple[float, float]] = deque()
        """When packets came, and what our clock was ahead then: of those that none after them was below."""

    def captured(self, arrived: float, stamp: float | None) -> float:
        """Seconds of the monotonic clock, rising, as `arrived` is; `stamp` is seconds of the camera's own."""
        step_s = self._step_to(stamp)
        earliest = arrived - self._parsed * self._step_s
        found = earliest if stamp is None else min(earliest, stamp + self._followed(arrived, earliest - stamp, step_s))
        self._captured = max(found, self._captured + 1e-6)
        return self._captured

    def _step_to(self, stamp: float | None) -> float | None:
        """Seconds since the stamp before; None where the camera's clock says nothing, or begins anew."""
        before, self._stamp = self._stamp, stamp
        if before is None or stamp is None or not 0 < stamp - before <= LONGEST_STEP_S:
            return None
        self._step_s = stamp - before
        return self._step_s

    def _followed(self, arrived: float, ahead_s: float, step_s: float | None) -> float:
        """`ahead_s` is what our clock shows ahead as this packet comes, however late."""
        if step_s is None or ahead_s - self._ahead_s >= LATEST_S:
            self._least.clear()
            self._ahead_s = ahead_s
        self._ahead_s = min(self._least_of(arrived, ahead_s), self._ahead_s + (step_s or 0.0) * SLEW)
        return self._ahead_s

    def _least_of(self, arrived: float, ahead_s: float) -> float:
        """Of the packets that came within `WINDOW_S`, this one included."""
        while self._least and self._least[0][0] < arrived - WINDOW_S:
            self._least.popleft()
        while self._least and self._least[-1][1] >= ahead_s:
            self._least.pop()
        self._least.append((arrived, ahead_s))
        return self._least[0][1]
