"""`JobsPart`: what runs in a host's jobs part, each on a thread of its own."""

from __future__ import annotations

import functools
from typing import Protocol

from django.conf import settings

from core.jobs.tables import BACKGROUND_THREADS, Lane
from core.jobs.worker import JobsWorker
from core.periodic.part_tasks import PartTasks
from core.registry import resolve


class BackgroundThread(Protocol):
    def start(self) -> None: ...

    def stop(self) -> None: ...


class JobsPart:
    """The workers that run the jobs of `host`, one for each lane, the threads of BACKGROUND_THREADS, and the periodic
    tasks of the part."""

    def __init__(self, host: str) -> None:
        self._workers = [JobsWorker(host, lane=lane) for lane in Lane]
        self._threads: list[BackgroundThread] = [resolve(path)(host) for path in BACKGROUND_THREADS.values()]
        self._threads.append(PartTasks("jobs", host))

    def start(self) -> None:
        for thread in (*self._workers, *self._threads):
            thread.start()

    def wake(self) -> None:
        """Search for jobs now. Any thread may call it."""
        for worker in self._workers:
            worker.wake()

    def request_stop(self) -> None:
        """Stop the running jobs, which continue at the next start. Returns at once; for signal handlers."""
        for worker in self._workers:
            worker.request_stop()

    def stop(self) -> None:
        # First, so that running jobs use their time to stop while the threads end.
        self.request_stop()
        for thread in (*self._threads, *self._workers):
            thread.stop()


@functools.cache
def local_part() -> JobsPart:
    """The one of this process."""
    return JobsPart(settings.STATION.host)
