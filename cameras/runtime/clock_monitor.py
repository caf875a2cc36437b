"""The state of the wall clock for the records of captures and clips: whether it is right, and whether it was set."""

from __future__ import annotations

from cameras.runtime.clock import CameraClock
from cameras.spool.records import ClockState

SMALLEST_JUMP_S = 0.1
"""A smaller step is not reported."""


class ClockMonitor:
    """Compares the wall clock with the boot clock, which no one can set: both are slewed alike, so their difference
    changes only when the wall clock is stepped. One thread uses it."""

    def __init__(self, clock: CameraClock) -> None:
        self._clock = clock
        self._lead_s = self._measure_lead_s()

    def read_state(self) -> ClockState:
        """`clock_jumped_s` is the step since the last call, or since this object was created."""
        lead_s = self._measure_lead_s()
        jumped_s, self._lead_s = lead_s - self._lead_s, lead_s
        # The clock decides, not its kernel: a test's clock has no kernel.
        state, kernel = self._clock.synchronisation(), self._clock.kernel_clock()
        known = state == "synchronised"
        return ClockState(
            clock=state,
            clock_offset_s=kernel.offset_s if known else None,
            clock_error_s=kernel.error_s if known else None,
            clock_jumped_s=round(jumped_s, 3) if abs(jumped_s) >= SMALLEST_JUMP_S else 0.0,
        )

    def _measure_lead_s(self) -> float:
        """Wall clock minus boot clock, by the quickest of three readings: a thread that is interrupted between the two
        clocks would report a step."""
        return min(self._read_both() for _ in range(3))[1]

    def _read_both(self) -> tuple[float, float]:
        began = self._clock.monotonic()
        # Not the wall clock of the moment, which leaves out a step that no synchronisation has confirmed.
        lead_s = self._clock.wall_ns() / 1e9 - self._clock.moment().boot_s
        return self._clock.monotonic() - began, lead_s


def describe_jump(state: ClockState) -> str:
    """A sentence for the warnings of a capture; empty when the clock was not set."""
    jumped_s = state["clock_jumped_s"]
    if not jumped_s:
        return ""
    return f"The station's clock was set by {jumped_s:+.3f} s since the last capture. Check the times around this one."
