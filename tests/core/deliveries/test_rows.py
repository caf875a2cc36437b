"""Rows that are taken, lost, moved and planned: on the rows of jobs and web-hooks, as their users do."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from core.deliveries.rows import (
    RELEASED,
    FailureRule,
    Lease,
    Schedule,
    Transitions,
    held_rows,
    worker_name,
)
from core.jobs.models import Job
from core.limits.repeats import RetryDelays
from monitoring.models import NotificationChannel, Webhook
from tests.harness.runs.examples import examples

pytestmark = pytest.mark.django_db
LEASE = Lease(30.0)
SCHEDULE = Schedule(RetryDelays((5.0,), longest_s=300.0, max_tries=4), tries="attempts")
MOVES = Transitions("A job", {"waiting": {"running"}, "running": {"waiting", "done"}, "done": set()}, {"done"})
SECONDS = st.integers(min_value=-100_000, max_value=100_000)


def after(seconds: float) -> datetime:
    return timezone.now() + timedelta(seconds=seconds)


def job(**fields: Any) -> Job:
    return Job.objects.create(kind="verify", host="main", **fields)


def webhook(**fields: Any) -> Webhook:
    return Webhook.objects.create(name="lab", **fields)


def running(lease_s: float) -> Job:
    return job(state="running", worker="one", lease_until=after(lease_s))


# Leases


@examples(40)
@given(SECONDS.filter(lambda left_s: min(abs(left_s), abs(left_s - 60)) > 5))
def test_a_lease_is_lost_after_its_end_and_when_the_clock_was_set_back(db: Any, left_s: int) -> None:
    Job.objects.all().delete()
    running(left_s)
    assert Job.objects.filter(LEASE.is_lost()).exists() == (not 0 < left_s < 60)


def test_a_row_without_a_lease_is_not_lost() -> None:
    job()
    assert not Job.objects.filter(LEASE.is_lost()).exists()


def test_a_lost_lease_is_released_and_another_one_stays() -> None:
    NotificationChannel.objects.create(name="lost", lease_until=after(-1), worker="killed")
    NotificationChannel.objects.create(name="sends", lease_until=after(20), worker="one")
    assert LEASE.release_lost(NotificationChannel.objects.all()) == 1
    assert list(NotificationChannel.objects.values_list("name", "worker")) == [("lost", ""), ("sends", "one")]
    assert LEASE.release_lost(NotificationChannel.objects.all()) == 0


def test_a_worker_that_lost_a_row_and_took_it_again_holds_only_the_second_attempt() -> None:
    first = running(30)
    Job.objects.update(attempts=1)
    second = Job.objects.get()
    assert not held_rows(first, "worker", "attempts").exists()
    assert held_rows(second, "worker", "attempts").exists()
    Job.objects.update(worker="two")
    assert not held_rows(second, "worker", "attempts").exists()


def test_no_two_workers_have_one_name_and_each_fits_into_its_column() -> None:
    names = {worker_name("a" * 100) for _ in range(5)}
    assert len(names) == 5
    assert max(len(name) for name in names) <= 120


# States


@pytest.mark.parametrize(("before", "after"), [("waiting", "done"), ("done", "waiting"), ("running", "running")])
def test_a_move_outside_the_table_is_refused_also_of_no_row(before: str, after: str) -> None:
    with pytest.raises(ValueError, match=f"A job does not go from {before} to {after}"):
        MOVES.move(Job.objects.none(), before, after)


def test_of_two_moves_from_one_state_one_happens() -> None:
    job()
    taken = LEASE.taken("one")
    assert MOVES.move(Job.objects.all(), "waiting", "running", **taken) == 1
    assert MOVES.move(Job.objects.all(), "waiting", "running", **taken) == 0


def test_only_what_has_ended_has_an_end() -> None:
    running(30)
    MOVES.move(Job.objects.all(), "running", "done", **RELEASED)
    assert Job.objects.get().ended_at is not None


# Times


@examples(40)
@given(SECONDS.filter(lambda wait_s: min(abs(wait_s), abs(wait_s - 300)) > 5))
def test_a_row_is_due_from_its_time_on_and_when_the_clock_was_set_back(db: Any, wait_s: int) -> None:
    Job.objects.all().delete()
    job(not_before=after(wait_s))
    assert Job.objects.filter(SCHEDULE.is_due()).exists() == (not 0 < wait_s < 300)


@pytest.mark.parametrize(("attempts", "is_due"), [(0, False), (1, True)])
def test_a_first_attempt_that_is_planned_for_tomorrow_waits_until_then(attempts: int, is_due: bool) -> None:
    planned = Schedule(SCHEDULE.delays, tries="attempts", plans_ahead=True)
    job(not_before=after(86_400), attempts=attempts)
    assert Job.objects.filter(planned.is_due()).exists() == is_due


def test_a_failed_attempt_waits_and_a_replay_begins_at_once_and_again() -> None:
    job(attempts=3)
    Job.objects.update(**SCHEDULE.after(3))
    assert not Job.objects.filter(SCHEDULE.is_due()).exists()
    Job.objects.update(**SCHEDULE.again())
    assert Job.objects.filter(SCHEDULE.is_due(), attempts=0).exists()


@pytest.mark.parametrize(("attempts", "is_used_up"), [(3, False), (4, True), (5, True)])
def test_a_row_whose_last_attempt_was_killed_is_found(attempts: int, is_used_up: bool) -> None:
    job(attempts=attempts)
    assert Job.objects.filter(SCHEDULE.is_used_up()).exists() == is_used_up


# Receivers

RULE = FailureRule(alert_after=timedelta(hours=1))


@pytest.mark.parametrize(("minutes", "is_told"), [(0, False), (59, False), (61, True)])
def test_a_person_is_told_that_a_receiver_fails_after_an_hour(minutes: int, is_told: bool) -> None:
    since = timezone.now() - timedelta(minutes=minutes)
    failing_for = RULE.note_failure(webhook(failing_since=since))
    assert (failing_for is not None) == is_told
    assert Webhook.objects.get().failing_since == since


def test_the_first_failure_is_noted() -> None:
    assert RULE.note_failure(webhook()) is None
    assert Webhook.objects.get().failing_since is not None


def test_a_failure_that_a_clock_noted_in_the_future_begins_now() -> None:
    assert RULE.note_failure(webhook(failing_since=after(86_400))) is None
    found = Webhook.objects.get().failing_since
    assert found is not None
    assert found <= timezone.now()


@pytest.mark.parametrize(("in_a_row", "is_told"), [(1, False), (2, False), (3, True), (4, True)])
def test_a_single_failure_is_no_news_where_the_rule_says_so(in_a_row: int, is_told: bool) -> None:
    failing_for = FailureRule(alert_after_failures=3).note_failure(webhook(), in_a_row)
    assert (failing_for is not None) == is_told


def test_a_success_says_whether_the_receiver_had_failed() -> None:
    found = webhook(failing_since=timezone.now())
    assert RULE.note_success(found, disabled_reason="") is True
    assert Webhook.objects.get().failing_since is None
    assert RULE.note_success(Webhook.objects.get()) is False
