"""Clocks of the kernel (Linux): whether the wall clock is synchronised, and how far it is off; and the own time of a
process, without the time for which it waits for a processor. Django-free."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

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


SAMPLE_S = 1.0


def processor_waits(pid: int) -> dict[int, float]:
    """Thread -> seconds for which it was ready to run and waited for a processor, since it began.

    Without the threads that run at a lower priority than their process on purpose. Empty for a process that has ended,
    and with a kernel that does not count (CONFIG_SCHED_INFO).
    """
    waits: dict[int, float] = {}
    try:
        own = os.getpriority(os.PRIO_PROCESS, pid)
        for thread in map(int, os.listdir(f"/proc/{pid}/task")):
            if os.getpriority(os.PRIO_PROCESS, thread) <= own:
                # Nanoseconds on a processor, nanoseconds of waiting for one, and the number of turns.
                waited_ns = Path(f"/proc/{pid}/task/{thread}/schedstat").read_text(encoding="ascii").split()[1]
                waits[thread] = int(waited_ns) / 1e9
    # A thread, or the process, has ended meanwhile. What was read counts.
    except (OSError, IndexError):
        return waits
    return waits


class ProcessorClock:
    """A monotonic time that stands still while the process waits for a processor: what got none cannot be late.

    One thread calls `sample`; any thread may call `now`.
    """

    def __init__(
        self,
        pid: int,
        monotonic: Callable[[], float] = time.monotonic,
        read_waits: Callable[[int], Mapping[int, float]] = processor_waits,
    ) -> None:
        self._pid, self._monotonic, self._read_waits = pid, monotonic, read_waits
        self._sampled_at, self._waits = monotonic(), read_waits(pid)
        self._waited_s = 0.0

    def sample(self) -> None:
        """Call it often: it reads the counters each SAMPLE_S. What was waited since then, `now` still counts."""
        elapsed_s = self._monotonic() - self._sampled_at
        if elapsed_s < SAMPLE_S:
            return
        waits = self._read_waits(self._pid)
        # Of the thread that waited longest: the others may wait for that one.
        longest_s = max((waited - self._waits.get(thread, 0.0) for thread, waited in waits.items()), default=0.0)
        # A wait is added when it ends, and may have begun before the interval. The time must not run backwards.
        self._waited_s += min(longest_s, elapsed_s)
        self._sampled_at, self._waits = self._sampled_at + elapsed_s, waits

    def now(self) -> float:
        """In seconds."""
        return self._monotonic() - self._waited_s
