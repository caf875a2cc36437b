"""The clocks of a camera process, and whether the wall clock is synchronised."""

from __future__ import annotations

import ctypes
import threading
import time
from dataclasses import dataclass
from functools import cache

from cameras.runtime.trusted_wall import TrustedWall
from cameras.spool.moments import Moment
from cameras.spool.spool import boot_id

# From <sys/timex.h>: the state of a clock that is not synchronised; bits of `status`: the kernel corrects the clock by
# `offset`, and `offset` is in nanoseconds; sizeof(struct timex) on 64-bit Linux.
TIME_ERROR = 5
STA_PLL, STA_NANO = 0x0001, 0x2000
TIMEX_BYTES = 208


@dataclass(frozen=True, slots=True)
class KernelClock:
    """What the kernel reports of the wall clock (adjtimex(2)). None where its time service does not tell it."""

    state: str
    """`synchronised`, `unsynchronised` or `unknown`."""
    offset_s: float | None = None
    """What the clock is being corrected by. chrony does not report it."""
    error_s: float | None = None
    """The estimated error. systemd-timesyncd does not report it."""


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


class _Timex(ctypes.Structure):
    """The fields that are read, in the layout of <sys/timex.h>; `rest` has those after them."""

    _fields_ = (
        ("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("freq", ctypes.c_long), ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long), ("status", ctypes.c_int), ("rest", ctypes.c_byte * (TIMEX_BYTES - 44)),
    )  # fmt: skip


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def read_kernel_clock() -> KernelClock:
    found = _Timex()
    try:
        # With `modes` 0 it only reads, which needs no privilege.
        answer = _libc().adjtimex(ctypes.byref(found))
    except (OSError, AttributeError):
        return KernelClock("unknown")
    if answer < 0:
        return KernelClock("unknown")
    if answer == TIME_ERROR:
        # What the fields held when the clock was last synchronised says nothing about now.
        return KernelClock("unsynchronised")
    unit = 1e-9 if found.status & STA_NANO else 1e-6
    return KernelClock(
        "synchronised",
        offset_s=found.offset * unit if found.status & STA_PLL else None,
        error_s=found.esterror * 1e-6 or None,
    )


def clock_state() -> str:
    """`synchronised`, `unsynchronised` or `unknown`."""
    return read_kernel_clock().state
