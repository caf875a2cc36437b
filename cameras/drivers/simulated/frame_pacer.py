"""When the next frame of a stream is due: frame n at start + n / fps, without drift."""

from __future__ import annotations

import math

from cameras.drivers.base import Clock


class FramePacer:
    """Ticks on the monotonic clock. Ticks that no one waited for are skipped."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.start(1.0)

    def start(self, fps: float) -> None:
        """Restart: the first tick is due at the first wait."""
        self._fps = fps
        self._origin: float | None = None
        self._tick = -1

    def wait(self, deadline: float) -> bool:
        """Wait for the next tick; False when the deadline passed or the wait was interrupted before it."""
        now = self._clock.monotonic()
        if self._origin is None:
            self._origin = now
        tick = max(self._tick + 1, math.floor((now - self._origin) * self._fps))
        # From the origin and not from the last frame: delays of single frames do not add up.
        due = self._origin + tick / self._fps
        if due > deadline:
            self._clock.wait(max(0.0, deadline - now))
            return False
        if due > now and self._clock.wait(due - now):
            return False
        # Only after the wait, so that an interrupted one loses no frame.
        self._tick = tick
        return True
