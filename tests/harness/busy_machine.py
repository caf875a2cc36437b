"""Durations without what a busy machine adds to them, for tests of a promised time."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path

from tests.harness.project import PROJECT

START = "import cameras.runtime.__main__, numpy"


def own_seconds() -> float:
    """Monotonic seconds of this thread, without those in which it was ready to run and had no processor.

    Waiting for anything else counts: a lock, a disk, an answer. Source: proc(5), /proc/pid/schedstat.
    """
    run_delay_ns = int(Path("/proc/thread-self/schedstat").read_text(encoding="ascii").split()[1])
    return time.monotonic() - run_delay_ns / 1e9


def slowness() -> float:
    """How many times longer than on free processors a new process takes now: the wall time over the processor time of a
    start like that of a camera process, at least 1."""
    began, used = time.monotonic(), _processor_s()
    subprocess.run([sys.executable, "-c", START], cwd=PROJECT, check=True, timeout=60)
    return max(1.0, (time.monotonic() - began) / (_processor_s() - used))


def _processor_s() -> float:
    """Seconds of processor time that all ended child processes have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
