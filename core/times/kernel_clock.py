"""Whether the wall clock is synchronised, and how far it is off, as the kernel reports it (Linux). Django-free."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache

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
