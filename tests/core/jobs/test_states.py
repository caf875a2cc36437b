"""The states of a job: only the moves of the table happen, whatever is done in whatever order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from core.jobs import claims, services
from core.jobs.claims import JobLease, change_state, claim, recover_lost
from core.jobs.models import Job
from core.jobs.states import FINISHED, JOB_TRANSITIONS, UNFINISHED, JobState
from core.jobs.tables import Lane
from tests.harness.runs.examples import examples

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 21, 20, tzinfo=UTC)
STEPS = ("claim", "renew", "finish", "fail", "release", "take_back", "lose", "recover", "cancel", "due")


class Actor:
    """Does one step at a time, and notes each change of the state."""

    def __init__(self) -> None:
        self.job = Job.objects.create(kind="verify", host="main")
        self.lease: JobLease | None = None
        self.seen = [JobState.WAITING]

    def step(self, name: str) -> None:
        rows, lease = Job.objects.filter(pk=self.job.pk), self.lease
        if name == "claim" and claim(self.job.pk, "worker"):
            self.lease = JobLease(rows.get())
        elif name == "recover":
            recover_lost("main")
        elif name == "lose":
            rows.exclude(lease_until=None).update(lease_until=timezone.now() - timedelta(seconds=1))
        elif name == "cancel":
            self.cancel()
        elif name == "due":
            rows.update(not_before=timezone.now())
        elif lease is not None:
            self.with_lease(lease, name)
        if (state := JobState(rows.get().state)) != self.seen[-1]:
            self.seen.append(state)

    def cancel(self) -> None:
        try:
            services.request_cancel(self.job, "someone", user=None)
        except services.NotCancellable:
            assert JobState(Job.objects.get(pk=self.job.pk).state) in FINISHED

    def with_lease(self, lease: JobLease, name: str) -> None:
        if name == "renew":
            lease.renew(done=1)
        elif name == "finish":
            lease.finish({}, 1, 1)
        elif name == "fail":
            lease.fail("It failed.")
        elif name == "release":
            lease.release()
        elif name == "take_back":
            lease.take_back("It failed.")


@examples(60)
@given(steps=st.lists(st.sampled_from(STEPS), max_size=25))
def test_only_moves_of_the_table_happen(db: Any, steps: list[str]) -> None:
    actor = Actor()
    for step in steps:
        actor.step(step)
    moves = zip(actor.seen, actor.seen[1:], strict=False)
    assert [move for move in moves if move[1] not in JOB_TRANSITIONS[move[0]]] == []
    assert all(state in UNFINISHED for state in actor.seen[:-1])


def test_a_move_outside_the_table_is_refused() -> None:
    job = Job.objects.create(kind="verify", host="main")
    with pytest.raises(ValueError, match="from waiting to done"):
        change_state(Job.objects.filter(pk=job.pk), JobState.WAITING, JobState.DONE)


def test_a_finished_job_has_no_moves_and_an_unfinished_one_reaches_each_end() -> None:
    assert {state for state, after in JOB_TRANSITIONS.items() if not after} == set(FINISHED)
    assert set(FINISHED) <= JOB_TRANSITIONS[JobState.RUNNING]


@pytest.mark.parametrize("fields", [{"state": "running"}, {"state": "done"}, {"ended_at": AT}, {"lease_until": AT}])
def test_the_database_refuses_a_contradiction(fields: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.create(kind="verify", host="main", **fields)


def test_a_subject_has_one_unfinished_job_of_a_kind() -> None:
    first, created = services.enqueue("verify", "main", camera=None, subject="sky")
    same, again = services.enqueue("verify", "main", camera=None, subject="sky")
    _, new = services.enqueue("verify", "main", camera=None, subject="dslr")
    assert same == first
    assert created is True
    assert again is False
    assert new is True
    services.request_cancel(first, "someone", user=None)
    assert services.enqueue("verify", "main", camera=None, subject="sky")[1] is True


def test_the_database_holds_one_unfinished_job_of_a_subject() -> None:
    Job.objects.create(kind="verify", host="main", unique_key="sky")
    Job.objects.create(kind="verify", host="dome", unique_key="sky")
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.create(kind="verify", host="main", unique_key="sky")


def test_a_worker_that_lost_its_lease_writes_nothing_more() -> None:
    job = Job.objects.create(kind="verify", host="main")
    assert claim(job.pk, "first")
    lost = JobLease(Job.objects.get())
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert recover_lost("main") == 1
    Job.objects.update(not_before=timezone.now())
    assert claims.claim_next("main", "second", Lane.LONG)
    assert lost.renew(done=5) is False
    assert lost.finish({}, 1, 1) is False
    assert lost.fail("no") is False
    assert Job.objects.get().worker == "second"
    assert Job.objects.get().done == 0


def test_a_job_waits_longer_after_each_failure() -> None:
    assert [claims.SCHEDULE.delays.delay_s(attempt) for attempt in (1, 2, 3, 20)] == [5.0, 10.0, 20.0, 300.0]


def test_a_job_of_another_host_is_not_claimed() -> None:
    Job.objects.create(kind="verify", host="dome")
    assert claims.claim_next("main", "worker", Lane.LONG) is None
