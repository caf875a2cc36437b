"""Capture times of pictures, estimated from the arrival of their packets and the camera's time stamps."""

from __future__ import annotations

from collections import deque

LONGEST_STEP_S = 10.0
"""A longer step, or a step back, means that the camera's clock was reset."""
WINDOW_S = 10.0
"""At least one packet within this time is assumed to arrive without delay."""
SLEW = 1 / 40
"""The largest correction for a slow camera clock, as part of each step. It keeps reordered pictures (B-frames) in
order: the next one to be shown is sent fewer than 40 pictures later."""
LATEST_S = 10.0


class CaptureClock:
    """Packets may arrive late, never early. So the offset between our clock and the camera's is the smallest one seen
    over the last WINDOW_S. If the camera's clock is slow, the offset rises gradually."""

    def __init__(self, parsed: int) -> None:
        """`parsed` is how many packets must follow a packet before it is known to be complete."""
        self._parsed = parsed
        self._stamp: float | None = None
        self._captured = float("-inf")
        self._step_s = 0.0
        self._offset_s = 0.0
        self._smallest: deque[tuple[float, float]] = deque()
        """Arrival times and offsets, ascending: a sliding-window minimum."""

    def captured(self, arrived: float, stamp: float | None) -> float:
        """The capture time, which increases. It and `arrived` are in seconds of the monotonic clock, `stamp` in seconds
        of the camera's clock."""
        step_s = self._step_to(stamp)
        earliest = arrived - self._parsed * self._step_s
        found = (
            earliest if stamp is None else min(earliest, stamp + self._follow_offset(arrived, earliest - stamp, step_s))
        )
        # Strictly rising: the recorder's muxer fails on two equal time stamps.
        self._captured = max(found, self._captured + 1e-6)
        return self._captured

    def _step_to(self, stamp: float | None) -> float | None:
        """Seconds since the last stamp; None without one, or after a reset of the camera's clock."""
        before, self._stamp = self._stamp, stamp
        if before is None or stamp is None or not 0 < stamp - before <= LONGEST_STEP_S:
            return None
        self._step_s = stamp - before
        return self._step_s

    def _follow_offset(self, arrived: float, offset_s: float, step_s: float | None) -> float:
        """`offset_s` is the offset measured by this packet, including its delay."""
        # A clock that runs at half speed or was set back would otherwise leave the capture times behind without a
        # limit.
        if step_s is None or offset_s - self._offset_s >= LATEST_S:
            self._smallest.clear()
            self._offset_s = offset_s
        # Down at once, since a smaller offset proves that earlier packets were late; up by SLEW only, since a larger
        # one may be a delay.
        self._offset_s = min(self._smallest_offset(arrived, offset_s), self._offset_s + (step_s or 0.0) * SLEW)
        return self._offset_s

    def _smallest_offset(self, arrived: float, offset_s: float) -> float:
        """The smallest offset of the packets within `WINDOW_S`, including this one."""
        while self._smallest and self._smallest[0][0] < arrived - WINDOW_S:
            self._smallest.popleft()
        while self._smallest and self._smallest[-1][1] >= offset_s:
            self._smallest.pop()
        self._smallest.append((arrived, offset_s))
        return self._smallest[0][1]
