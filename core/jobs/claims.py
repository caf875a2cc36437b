"""How a worker takes a job, keeps it with a lease, and ends it.

Each write is one conditional UPDATE, on SQLite and PostgreSQL: of two workers that race for a row one wins. A worker
that lost its lease writes nothing more.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from core import database_clock
from core.deliveries.rows import RELEASED, Lease, Schedule, Transitions, held_rows
from core.jobs.models import Job
from core.jobs.states import FINISHED, JOB_TRANSITIONS, JobState
from core.jobs.tables import JOB_ENDED, JOB_KINDS, JOBS_WAIT, Lane, kind_of, lane_of
from core.limits.repeats import RetryDelays
from core.registry import resolve

log = logging.getLogger(__name__)
LEASE = Lease(30.0)
"""Renewed while the child runs: without, the job is lost."""
SCHEDULE = Schedule(RetryDelays((5.0,), longest_s=300.0), tries="attempts")
"""Each kind has its own number of attempts."""
MOVES = Transitions("A job", JOB_TRANSITIONS, FINISHED)
CANDIDATES = 20
LOST = "The process that ran it was killed or lost its connection to the database."


def is_due() -> Q:
    """Condition for jobs that may be run."""
    return Q(state=JobState.WAITING.value) & SCHEDULE.is_due()


def is_lost() -> Q:
    """Condition for jobs whose worker no longer renews the lease."""
    return Q(state=JobState.RUNNING.value) & LEASE.is_lost()


def in_lane(lane: Lane) -> Q:
    """Condition for jobs of a lane. Those of a kind that this version does not know are LONG."""
    short = Q(kind__in=[name for name in JOB_KINDS if lane_of(name) is Lane.SHORT])
    return short if lane is Lane.SHORT else ~short


def change_state(rows: QuerySet[Job], before: JobState, after: JobState, **fields: Any) -> bool:
    """Move the one job of `rows` from `before` to `after`; False if it is in another state by now. A job that ends is
    passed to JOB_ENDED in the same transaction. ValueError for a move that JOB_TRANSITIONS does not have."""
    MOVES.check(before, after)
    # The constraint `a_running_job_has_a_lease` forbids a lease in any other state.
    if after is not JobState.RUNNING:
        fields |= RELEASED
    with transaction.atomic():
        found = list(rows.filter(state=before.value).values_list("pk", flat=True)[:2])
        if len(found) != 1 or not MOVES.move(rows.filter(pk=found[0]), before, after, **fields):
            return False
        if after in FINISHED:
            job = Job.objects.get(pk=found[0])
            # In the same transaction: a failure without its event would be invisible.
            for path in JOB_ENDED.values():
                resolve(path)(job)
    return True


def claim_next(host: str, worker: str, lane: Lane) -> Job | None:
    """The job of this host and lane that is due since the longest time, now running and leased to `worker`; None if
    none is, or the host takes none. One that made room for another comes after it."""
    recover_lost(host)
    due = Job.objects.filter(is_due(), in_lane(lane), host=host)
    candidates = list(due.order_by("not_before", "created_at", "id").values_list("pk", flat=True)[:CANDIDATES])
    # Asked only when there is a job: most hosts are idle, and few are drained.
    if candidates and any(resolve(path)(host) for path in JOBS_WAIT.values()):
        return None
    for candidate in candidates:
        # A command on this host may have claimed it meanwhile; then the next one is tried.
        if claim(candidate, worker):
            return Job.objects.get(pk=candidate)
    return None


def claim(job: Any, worker: str) -> bool:
    """Lease a waiting job to `worker`. False if another worker has it."""
    return change_state(
        Job.objects.filter(pk=job),
        JobState.WAITING,
        JobState.RUNNING,
        **LEASE.taken(worker),
        # Counted before the attempt: a job that kills its worker each time must not be tried for ever.
        attempts=F("attempts") + 1,
        started_at=Coalesce("started_at", database_clock.now()),
    )


def recover_lost(host: str) -> int:
    """Take back this host's jobs whose lease has ended: they wait again, or end after a cancellation or too many
    attempts. Returns their number."""
    lost = Job.objects.filter(is_lost(), host=host)
    return sum(JobLease(job).take_back(LOST) for job in lost)


def is_busy(job: Job) -> bool:
    """Whether another job of its lane runs on its host."""
    running = Job.objects.filter(in_lane(lane_of(job.kind)), host=job.host, state=JobState.RUNNING.value)
    return running.exclude(is_lost()).exclude(pk=job.pk).exists()


def others_wait(job: Any, host: str, lane: Lane) -> bool:
    """Whether another job of the host and lane than `job` (its id) is due. DatabaseError."""
    return Job.objects.filter(is_due(), in_lane(lane), host=host).exclude(pk=job).exists()


def has_due(host: str, lane: Lane) -> bool:
    return Job.objects.filter(is_due(), in_lane(lane), host=host).exists()


@dataclass(frozen=True, slots=True)
class JobLease:
    """The right of one worker to write to a running job, in one attempt."""

    job: Job
    schedule: Schedule = SCHEDULE

    @property
    def _rows(self) -> QuerySet[Job]:
        return held_rows(self.job, "worker", "attempts")

    def renew(self, **progress: Any) -> bool:
        """Extend the lease and write progress. False if the job is no longer this worker's. DatabaseError."""
        running = self._rows.filter(state=JobState.RUNNING.value)
        return bool(running.update(lease_until=LEASE.until(), **progress))

    def is_cancelled(self) -> bool:
        """Whether a user has requested to cancel the job. DatabaseError."""
        return self._rows.exclude(cancel_requested_at=None).exists()

    def finish(self, result: dict[str, Any] | None, done: int, total: int | None) -> bool:
        return self._end(JobState.DONE, result=result, done=done, total=total, error="", checkpoint=None)

    def cancel(self, result: dict[str, Any] | None = None) -> bool:
        return self._end(JobState.CANCELLED, result=result, sentence="")

    def fail(self, error: str) -> bool:
        return self._end(JobState.FAILED, error=error, sentence="")

    def release(self) -> bool:
        """Give the job back unharmed, because the worker stops or another job waits: this attempt does not count."""
        return self._wait_again(attempts=F("attempts") - 1, **SCHEDULE.at_once())

    def take_back(self, error: str) -> bool:
        """After an attempt that failed or was lost: the job is cancelled if that was requested, tried again, or fails
        with its last error after too many attempts."""
        kind = kind_of(self.job.kind)
        if self.is_cancelled():
            return self.cancel()
        if kind is None or self.job.attempts >= kind.max_attempts:
            tries = f" It was tried {self.job.attempts} times." if self.job.attempts > 1 else ""
            return self.fail(f"{error}{tries}")
        return self._wait_again(error=error, **self.schedule.after(self.job.attempts))

    def _wait_again(self, **fields: Any) -> bool:
        """A job whose cancellation was requested, even just now, is cancelled instead: it must not start again."""
        kept = self._rows.filter(cancel_requested_at=None)
        return change_state(kept, JobState.RUNNING, JobState.WAITING, **fields) or self.cancel()

    def _end(self, state: JobState, **fields: Any) -> bool:
        return change_state(self._rows, JobState.RUNNING, state, **fields)
