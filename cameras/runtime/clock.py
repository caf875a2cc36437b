"""The clocks of a camera process, whether the wall clock is right, and how far the camera's own clock is from it."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

from cameras.drivers.base import Exposure, FrameData
from cameras.runtime.link import Reporter
from cameras.spool.moments import Moment
from cameras.spool.records import ClockState
from cameras.spool.spool import boot_id
from core.times.clocks import KernelClock, read_kernel_clock


class TrustedWall:
    """While the kernel says that the wall clock is not synchronised any more, it continues by the boot clock, from the
    last time at which it was. Any thread may use it: it replaces one value."""

    def __init__(self) -> None:
        self._synchronised: Moment | None = None

    def correct(self, now: Moment, synchronisation: str) -> Moment:
        """`now` with the trusted wall clock; `synchronisation` as of `CameraClock`."""
        if synchronisation == "synchronised":
            self._synchronised = now
            return now
        last = self._synchronised
        # Never synchronised since the machine has started: there is nothing better than what it shows.
        if last is None or last.boot != now.boot or synchronisation != "unsynchronised":
            return now
        return last.at_boot_s(now.boot_s)


class CameraClock:
    """Real time. `abort` ends a wait early; so does `wake`, while `wakes_on_work` is set."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._aborted = False
        self._work = False
        self._boot = boot_id()
        self._wall = TrustedWall()
        self.wakes_on_work = True

    def wall_ns(self) -> int:
        return time.time_ns()

    def monotonic(self) -> float:
        return time.monotonic()

    def moment(self) -> Moment:
        """Now, by all clocks. The boot clock also counts the time that the machine is suspended. A step of the wall
        clock that no synchronisation has confirmed does not count."""
        now = Moment(time.time(), self._boot, time.clock_gettime(time.CLOCK_BOOTTIME))
        return self._wall.correct(now, self.synchronisation())

    def synchronisation(self) -> str:
        """Whether the wall clock is right: `synchronised`, `unsynchronised` or `unknown`."""
        return self.kernel_clock().state

    def kernel_clock(self) -> KernelClock:
        return read_kernel_clock()

    def wait(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(self._interrupted, max(0.0, seconds))

    def _interrupted(self) -> bool:
        # An abort stays set until the loop clears it: a driver may wait several times in one exposure.
        return self._aborted or (self.wakes_on_work and self._work)

    def wake(self) -> None:
        """Announce new work."""
        with self._changed:
            self._work = True
            self._changed.notify_all()

    def abort(self) -> None:
        with self._changed:
            self._aborted = True
            self._changed.notify_all()

    def clear_work(self) -> None:
        with self._changed:
            self._work = False

    def clear_abort(self) -> None:
        with self._changed:
            self._aborted = False


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


CLOCK_TOLERANCE_S = 5.0
"""How far the times of a camera may differ from the station's. Beyond that they are replaced, with a warning."""


class ClockOffset:
    """Logs a wrong clock once each time that the camera is opened. Times in nanoseconds since 1970, UTC."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._is_reported = False

    def reset(self) -> None:
        """The camera was opened: its clock may have been set."""
        self._is_reported = False

    def correct_exposure(self, exposure: Exposure, began_ns: int, ended_ns: int, now_ns: int) -> None:
        """An exposure lies between the call and its return. The times of the call replace those of the camera if these
        do not (with a warning), or if the station's clock was set meanwhile: then it is not at `ended_ns` now."""
        off_s, set_s = (exposure.started_ns - began_ns) / 1e9, (now_ns - ended_ns) / 1e9
        # If the station's clock was set, a difference says nothing about the camera's.
        if abs(set_s) <= CLOCK_TOLERANCE_S:
            if off_s >= -CLOCK_TOLERANCE_S and exposure.ended_ns - ended_ns <= CLOCK_TOLERANCE_S * 1e9:
                return
            self._report(off_s)
            warning = f"The camera's clock is {off_s:+.0f} s off; the station's is used."
            exposure.warnings = [*exposure.warnings, warning]
        exposure.started_ns, exposure.ended_ns = began_ns, ended_ns
        if exposure.frame is not None:
            exposure.frame = replace(exposure.frame, captured_ns=began_ns)

    def correct_fetched(self, exposure: Exposure, now_ns: int) -> None:
        """A frame that was fetched later has a time between its exposure, which is corrected, and now."""
        frame, tolerance_ns = exposure.frame, CLOCK_TOLERANCE_S * 1e9
        if frame is None or exposure.started_ns - tolerance_ns <= frame.captured_ns <= now_ns + tolerance_ns:
            return
        exposure.frame = replace(frame, captured_ns=exposure.started_ns)

    def correct_frame(self, frame: FrameData, now_ns: int, shutter_s: float) -> FrameData:
        """A frame is at most as old as its shutter was open."""
        off_s = (frame.captured_ns - now_ns) / 1e9
        if -CLOCK_TOLERANCE_S - shutter_s <= off_s <= CLOCK_TOLERANCE_S:
            return frame
        self._report(off_s)
        return replace(frame, captured_ns=now_ns)

    def _report(self, off_s: float) -> None:
        if not self._is_reported:
            self._is_reported = True
            message = f"The camera's clock is {off_s:+.0f} s off. The station's clock is used; set the camera's."
            self._reporter.log_event("camera.clock", message, "warning")
