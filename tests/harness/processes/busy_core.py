"""A processor core that other processes use all the time."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

LOOP = ("sh", "-c", "while :; do :; done")
PROCESSES = 16


@contextmanager
def busy_core() -> Iterator[int]:
    """The number of the core. A process that is bound to it gets one part in PROCESSES + 1 of its time."""
    core = max(os.sched_getaffinity(0))
    # Each in a session of its own: the kernel may share the time out by sessions first.
    busy = [subprocess.Popen(LOOP, start_new_session=True) for _ in range(PROCESSES)]
    try:
        for process in busy:
            os.sched_setaffinity(process.pid, {core})
        yield core
    finally:
        for process in busy:
            process.kill()
        for process in busy:
            process.wait()
