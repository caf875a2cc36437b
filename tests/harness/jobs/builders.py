"""Kinds of jobs whose functions are those of the tests, a worker that can be killed, and what a test waits for."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.db import connection

from core.jobs.attempt import JobTimes
from core.jobs.claims import SCHEDULE
from core.jobs.models import Job
from core.jobs.tables import GB, JobKind, Lane
from core.limits.repeats import RetryDelays
from tests.harness.waiting import PATIENCE_S, eventually

HOST = "main"
SOON = replace(SCHEDULE, delays=RetryDelays((0.1,), longest_s=300.0))
QUICK = JobTimes(poll_s=0.1, write_interval_s=0.2, grace_s=1.0, schedule=SOON)
"""Short times, so that a test takes seconds."""
FUNCTIONS = "tests.harness.jobs.functions"
Enqueue = Callable[..., Job]


def kind_named(name: str, **changes: Any) -> JobKind:
    found = JobKind(name, "operator", 2 * GB, 60.0, 5, 3, False, Lane.LONG, False, f"{FUNCTIONS}.{name}")
    return found._replace(**changes)


class WorkerProcess:
    """A jobs worker in a process that a test can kill."""

    def __init__(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-m", "tests.harness.jobs.worker_process", HOST])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def terminate(self) -> int:
        self.process.terminate()
        return self.process.wait(PATIENCE_S)


def reloaded(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def pid_in(path: Path) -> int:
    eventually(path.exists)
    return int(path.read_text())


def in_threads(*work: Callable[[], Any]) -> None:
    """Run all at the same moment, each with its own database connection."""
    barrier = threading.Barrier(len(work))

    def run(one: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            one()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
