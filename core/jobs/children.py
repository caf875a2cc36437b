"""Child processes for work in the background: scrubbed environment, limits, their own session. Django-free.

The parent's side is `start_child` and `kill_child`; the child's side is `limit_resources`, and `die_with_parent` of
`core/parent_death.py`. The child sets its limits itself, because code between fork and exec may deadlock in a process
with threads.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from core.commands import scrubbed_environment

PROJECT = Path(__file__).resolve().parents[2]


def start_child(module: str, *arguments: str, also: Iterable[str] = ()) -> subprocess.Popen[bytes]:
    """Start `python -m module` with pipes on stdin and stdout. OSError.

    Call it on a thread that lives as long as the child may: a child that called `die_with_parent` is killed when the
    thread that started it ends.
    """
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # `-m` must find the project from any working directory.
        env={**scrubbed_environment(also), "PYTHONPATH": str(PROJECT)},
        # One signal reaches all that the job starts, and Ctrl-C in a terminal reaches only the command that runs the
        # job.
        start_new_session=True,
    )


def kill_child(child: subprocess.Popen[bytes]) -> None:
    """Send SIGKILL to the child and to all that it started in its session, also when the child itself has ended."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def limit_resources(memory_bytes: int, cpu_s: int, nice: int) -> None:
    """In the child: its address space, its processor time and its priority; no core dumps."""
    # Linux ignores RLIMIT_RSS, so the address space is what can be limited.
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(nice)
