"""`JobsWorker`: runs the jobs of a lane on a thread, one child process at a time."""

from __future__ import annotations

import logging
import os
import socket

import uuid6
from django.conf import settings

from core.changes.gate import ChangeGate, read_again
from core.jobs.attempt import JobAttempt
from core.jobs.claims import JobLease, claim, claim_next
from core.jobs.kinds import kind_of
from core.jobs.models import Job
from core.jobs.states import FINISHED
from core.jobs.tables import Lane
from core.jobs.times import JobTimes
from core.retrying_thread import RetryingThread

log = logging.getLogger(__name__)


class JobsWorker:
    """The rows are the truth; `wake` only makes it search at once. It finds lost jobs in each search."""

    def __init__(self, host: str, times: JobTimes | None = None, lane: Lane = Lane.LONG) -> None:
        self.host, self.lane, self._times = host, lane, times or JobTimes()
        # At most 81 of the column's 120 characters. The random part tells a worker from one that had its process id
        # before.
        self.name = f"{socket.gethostname()[:60]}:{os.getpid()}:{uuid6.uuid7().hex[-12:]}"
        self._thread = RetryingThread("jobs", self._run_due, self._times.poll_s, gate=ChangeGate())

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
        job = claim_next(self.host, self.name, self.lane)
        if job is not None:
            self._attempt(job, may_make_room=True)
        return job is not None

    def run_job(self, job: Job) -> bool:
        """Run this job, of any lane; False if another worker has it. DatabaseError."""
        if not claim(job.pk, self.name):
            return False
        # A command waits for it, and runs no other.
        self._attempt(Job.objects.get(pk=job.pk), may_make_room=False)
        return True

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

    def _run_due(self) -> None:
        # Until no job is due: the next search is up to `poll_s` away.
        while not self._thread.is_stopping() and self.run_next():
            pass
        # A job that waits may be due later, and one that runs may be lost.
        read_again(Job.objects.exclude(state__in=FINISHED).exists)
