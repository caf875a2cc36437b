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
        """`parsed` is how many packets later a packet is known to be complete."""
        self._parsed = parsed
        self._stamp: float | None = None
        self._captured = float("-inf")
        self._step_s = 0.0
        self._ahead_s = 0.0
        self._least: deque[tuple[float, float]] = deque()
        """Arrival times and offsets, ascending: a sliding-window minimum."""

    def captured(self, arrived: float, stamp: float | None) -> float:
        """The capture time in seconds of the monotonic clock, increasing; so is `arrived`. `stamp` is in seconds of the
        camera's clock."""
        step_s = self._step_to(stamp)
        earliest = arrived - self._parsed * self._step_s
        found = earliest if stamp is None else min(earliest, stamp + self._followed(arrived, earliest - stamp, step_s))
        self._captured = max(found, self._captured + 1e-6)
        return self._captured

    def _step_to(self, stamp: float | None) -> float | None:
        """Seconds since the last stamp; None without one, or after a reset of the camera's clock."""
        before, self._stamp = self._stamp, stamp
        if before is None or stamp is None or not 0 < stamp - before <= LONGEST_STEP_S:
            return None
        self._step_s = stamp - before
        return self._step_s

    def _followed(self, arrived: float, ahead_s: float, step_s: float | None) -> float:
        """`ahead_s` is the offset measured by this packet, including its delay."""
        if step_s is None or ahead_s - self._ahead_s >= LATEST_S:
            self._least.clear()
            self._ahead_s = ahead_s
        self._ahead_s = min(self._least_of(arrived, ahead_s), self._ahead_s + (step_s or 0.0) * SLEW)
        return self._ahead_s

    def _least_of(self, arrived: float, ahead_s: float) -> float:
        """The smallest offset of the packets within `WINDOW_S`, including this one."""
        while self._least and self._least[0][0] < arrived - WINDOW_S:
            self._least.popleft()
        while self._least and self._least[-1][1] >= ahead_s:
            self._least.pop()
        self._least.append((arrived, ahead_s))
        return self._least[0][1]
