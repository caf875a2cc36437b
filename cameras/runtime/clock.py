"""The clocks of a camera process."""

from __future__ import annotations

import threading
import time

from cameras.runtime.trusted_wall import TrustedWall
from cameras.spool.moments import Moment
from cameras.spool.spool import boot_id
from core.times.kernel_clock import KernelClock, read_kernel_clock


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
