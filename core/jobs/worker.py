"""`JobsPart`: what runs in a host's jobs part. `JobsWorker` runs the jobs of one lane, one child process at a time."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterable
from typing import Any, Protocol

from django.conf import settings

from core.deliveries.rows import worker_name
from core.deliveries.thread import Attempt, DeliveryThread, Due, ReceiverPool
from core.jobs.attempt import JobAttempt, JobTimes
from core.jobs.claims import JobLease, claim, claim_next, has_due, recover_lost
from core.jobs.models import Job
from core.jobs.states import FINISHED
from core.jobs.tables import BACKGROUND_THREADS, Lane, kind_of
from core.periodic.part_tasks import PartTasks
from core.registry import resolve

log = logging.getLogger(__name__)


class JobsWorker:
    """Its lane is the one receiver of its `DeliveryThread`. An attempt is on a thread of the pool, which lives as long
    as the child."""

    def __init__(self, host: str, times: JobTimes | None = None, lane: Lane = Lane.LONG) -> None:
        self.host, self.lane, self._times = host, lane, times or JobTimes()
        self.name = worker_name(host)
        self._thread = DeliveryThread("jobs", self, ReceiverPool(1), poll_s=self._times.poll_s)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Search for jobs now. Any thread may call it."""
        self._thread.wake()

    def request_stop(self) -> None:
        """Stop the running job, which continues at the next start. Returns at once; for signal handlers."""
        self._thread.request_stop()

    def stop(self, within_s: float = 10.0) -> None:
        self._thread.stop(within_s)

    def run_next(self) -> bool:
        """Run the next job of its lane to its end, on the caller's thread; False if none is due. DatabaseError."""
        return self.attempt(None) is not None

    def run_job(self, job: Job) -> bool:
        """Run this job, of any lane; False if another worker has it. DatabaseError."""
        if not claim(job.pk, self.name):
            return False
        # A command waits for it, and runs no other.
        self._attempt(Job.objects.get(pk=job.pk), may_make_room=False)
        return True

    # For its thread

    def maintain(self) -> None:
        recover_lost(self.host)

    def due(self) -> Iterable[Due]:
        return [Due(self.lane, None)] if has_due(self.host, self.lane) else []

    def attempt(self, _: Any) -> Attempt | None:
        job = claim_next(self.host, self.name, self.lane)
        if job is None:
            return None
        self._attempt(job, may_make_room=True)
        return Attempt()

    def depends_on_time(self) -> bool:
        """A job that waits may be due later, and one that runs may be lost."""
        return Job.objects.exclude(state__in=FINISHED).exists()

    def _attempt(self, job: Job, *, may_make_room: bool) -> None:
        kind = kind_of(job.kind)
        # An update, or another host with another version, may have removed or added the kind.
        if kind is None:
            JobLease(job).fail(f"This version of the station has no jobs of the kind {job.kind!r}.")
            return
        log.info("Job %s (%s) starts, attempt %d.", job.pk, job.kind, job.attempts)
        makes_room = may_make_room and kind.makes_room
        stopping, times = self._thread.is_stopping, self._times
        JobAttempt(job, kind, settings.JOB_ENVIRONMENT, stopping, times=times, makes_room=makes_room).run()


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
