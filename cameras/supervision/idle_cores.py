"""How long the processor cores of this machine have been idle."""

from __future__ import annotations

import psutil


def idle_core_s() -> float:
    """Seconds since the machine started for which a core had nothing to do, summed over all cores."""
    times = psutil.cpu_times()
    # A core that only waits for a disk could run a process.
    return times.idle + times.iowait
