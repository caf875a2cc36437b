"""`JobsWorker`: the thread of a jobs part that runs its host's jobs, one child process at a time."""

from __future__ import annotations

import functools
import logging
import os
import socket
import threading

import uuid6
from django.conf import settings
from django.db import connection

from core.background import count_failure
from core.jobs.attempt import JobAttempt
from core.jobs.claims import JobLease, claim, claim_next
from core.jobs.kinds import kind_of
from core.jobs.models import Job

log = logging.getLogger(__name__)
POLL_S = 5.0
"""Seconds between two searches for jobs, so that a job runs also when no message says so."""


class JobsWorker:
    """The rows are the truth; `wake` only makes it search at once. It finds lost jobs in each search."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.name = f"{socket.gethostname()[:60]}:{os.getpid()}:{uuid6.uuid7().hex[-12:]}"
        self._awake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Search for jobs now. Any thread may call it."""
        self._awake.set()

    def request_stop(self) -> None:
        """Stop the running job, which continues at the next start. Returns at once; for signal handlers."""
        self._stopping.set()
        self._awake.set()

    def stop(self, within_s: float = 10.0) -> None:
        self.request_stop()
        if self._thread.is_alive():
            self._thread.join(within_s)

    def run_next(self) -> bool:
        """Run the next job to its end, on the caller's thread; False if none is due. DatabaseError."""
        job = claim_next(self.host, self.name)
        if job is not None:
            self._attempt(job)
        return job is not None

    def run_job(self, job: Job) -> bool:
        """Run this job; False if another worker has it. DatabaseError."""
        if not claim(job.pk, self.name):
            return False
        self._attempt(Job.objects.get(pk=job.pk))
        return True

    def _attempt(self, job: Job) -> None:
        kind = kind_of(job.kind)
        if kind is None:
            JobLease(job).fail(f"This version of the station has no jobs of the kind {job.kind!r}.")
            return
        log.info("Job %s (%s) starts, attempt %d.", job.pk, job.kind, job.attempts)
        JobAttempt(job, kind, settings.JOB_ENVIRONMENT, self._stopping.is_set).run()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                while not self._stopping.is_set() and self.run_next():
                    pass
            except Exception as error:  # noqa: BLE001 - logged and counted; the thread goes on
                count_failure("jobs", error)
                connection.close()
            self._awake.wait(POLL_S)
            self._awake.clear()
        connection.close()


@functools.cache
def local_worker() -> JobsWorker:
    """The worker of this process."""
    return JobsWorker(settings.STATION.host)
