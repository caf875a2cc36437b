"""The own time of a process, without the time for which it waits for a processor. Linux only, Django-free."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

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
