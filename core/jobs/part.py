"""`JobsPart`: what runs in a host's jobs part, each on a thread of its own."""

from __future__ import annotations

import functools
from typing import Protocol

from django.conf import settings

from core.jobs.tables import BACKGROUND_THREADS
from core.jobs.worker import JobsWorker
from core.registry import resolve


class BackgroundThread(Protocol):
    def start(self) -> None: ...

    def stop(self) -> None: ...


class JobsPart:
    """The worker that runs the jobs of `host`, and the threads of BACKGROUND_THREADS."""

    def __init__(self, host: str) -> None:
        self.worker = JobsWorker(host)
        self._threads: list[BackgroundThread] = [resolve(path)(host) for path in BACKGROUND_THREADS.values()]

    def start(self) -> None:
        self.worker.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        # First, so that a running job uses its time to stop while the threads end.
        self.worker.request_stop()
        for thread in self._threads:
            thread.stop()
        self.worker.stop()


@functools.cache
def local_part() -> JobsPart:
    """The one of this process."""
    return JobsPart(settings.STATION.host)
