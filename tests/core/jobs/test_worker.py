"""Jobs in real child processes: results, failures, limits, cancellation, kills."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, connection
from django.utils import timezone

from core.events.models import Event
from core.jobs import claims, services
from core.jobs.attempt import JobAttempt
from core.jobs.claims import claim_next
from core.jobs.models import Job
from core.jobs.tables import JOB_KINDS, Lane
from core.jobs.worker import JobsWorker
from tests.harness.jobs.builders import HOST, QUICK, Enqueue, WorkerProcess, in_threads, pid_in, reloaded
from tests.harness.processes.alive import is_alive
from tests.harness.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)
StartWorker = Callable[[], WorkerProcess]
KILLS_SOON = replace(QUICK, grace_s=0.1)
SHORT_TURNS = replace(QUICK, turns_s=dict.fromkeys(Lane, 0.0), write_interval_s=0.0)
"""Whether a job makes room is decided each time that its process has reported something, and five times a second."""


def run(job: Job) -> Job:
    """Run it until it has ended, on this thread."""
    found = JobsWorker(HOST, QUICK)

    def is_ended() -> bool:
        found.run_next()
        return reloaded(job).ended_at is not None

    eventually(is_ended)
    return reloaded(job)


def state_of(job: Job) -> str:
    return reloaded(job).state


def lose_lease(job: Job) -> None:
    """As if LEASE_S had passed since the worker was killed."""
    Job.objects.filter(pk=job.pk, state="running").update(lease_until=timezone.now() - timedelta(seconds=1))


def make_due(job: Job) -> None:
    """As if the pause before the next attempt had passed."""
    Job.objects.filter(pk=job.pk, state="waiting").update(not_before=timezone.now())


def test_a_job_returns_its_result(enqueue: Enqueue) -> None:
    job = run(enqueue("add", numbers=[1, 2, 3]))
    assert job.state == "done"
    assert job.result == {"sum": 6, "actor": "tester"}
    assert job.attempts == 1
    assert job.worker == ""
    assert job.lease_until is None


def test_a_child_has_a_scrubbed_environment_and_its_own_session(
    enqueue: Enqueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/secret")
    monkeypatch.setenv("SKYCAM_ADMIN_PASSWORD", "secret")
    found = run(enqueue("report_environment")).result
    assert found is not None
    assert {"SSH_AUTH_SOCK", "SKYCAM_ADMIN_PASSWORD"} & set(found["names"]) == set()
    assert "SKYCAM_DATA" in found["names"]
    assert found["session"] is True
    assert found["nice"] >= 5


def test_a_failure_is_tried_again_and_then_ends_the_job(enqueue: Enqueue) -> None:
    job = run(enqueue("fail"))
    assert job.state == "failed"
    assert job.attempts == 3
    assert job.error == "The disk is missing. Mount it. It was tried 3 times."
    assert Event.objects.get(kind="job.failed").subject == str(job.pk)


def test_a_permanent_failure_is_not_tried_again(enqueue: Enqueue) -> None:
    job = run(enqueue("fail_for_good"))
    assert job.state == "failed"
    assert job.attempts == 1
    assert job.error == "There is no such clip."


def test_a_crash_is_a_failed_attempt(enqueue: Enqueue) -> None:
    job = run(enqueue("crash", limits={"max_attempts": 1}))
    assert job.state == "failed"
    assert job.error == "Its process was ended by SIGSEGV."


def test_a_child_that_another_program_stops_says_so(enqueue: Enqueue, worker: JobsWorker, tmp_path: Path) -> None:
    job = enqueue("wait_for_stop", limits={"max_attempts": 1}, path=str(tmp_path / "pid"))
    os.kill(pid_in(tmp_path / "pid"), signal.SIGTERM)
    eventually(lambda: state_of(job) == "failed")
    assert reloaded(job).error == "Another program asked its process to stop."


def test_a_child_that_needs_too_much_memory_ends_and_harms_no_one(enqueue: Enqueue) -> None:
    job = run(enqueue("fill_memory"))
    assert job.state == "failed"
    assert job.error == "It needed more memory than its limit."


def test_a_child_is_killed_after_its_deadline(enqueue: Enqueue, tmp_path: Path) -> None:
    path = tmp_path / "pid"
    enqueue("ignore_stop", limits={"deadline_s": 60.0, "max_attempts": 1}, path=str(path))
    job = claim_next(HOST, "worker", Lane.LONG)
    assert job is not None

    def clock() -> float:
        """100 s later once the function runs."""
        return time.monotonic() + 100 * path.exists()

    JobAttempt(job, JOB_KINDS["ignore_stop"], settings.JOB_ENVIRONMENT, lambda: False, clock, KILLS_SOON).run()
    assert state_of(job) == "failed"
    assert reloaded(job).error == "It took more than 60 s."
    assert not is_alive(pid_in(path))


def test_what_a_job_started_ends_with_it(enqueue: Enqueue) -> None:
    job = run(enqueue("start_grandchild"))
    assert job.result
    eventually(lambda: not is_alive(job.result["pid"]))  # type: ignore[index]


def test_a_kind_that_this_version_does_not_know_fails(enqueue: Enqueue) -> None:
    job = run(Job.objects.create(kind="unknown", host=HOST))
    assert job.state == "failed"
    assert "no jobs of the kind 'unknown'" in job.error


def test_a_waiting_job_is_cancelled_at_once(enqueue: Enqueue) -> None:
    job = services.request_cancel(enqueue("add", numbers=[]), "someone", user=None)
    assert job.state == "cancelled"
    assert job.cancel_requested_by == "someone"
    with pytest.raises(services.NotCancellable, match="it is cancelled"):
        services.request_cancel(job, "someone", user=None)


def test_a_running_job_is_asked_to_stop(enqueue: Enqueue, worker: JobsWorker, tmp_path: Path) -> None:
    job = enqueue("wait_for_stop", path=str(tmp_path / "pid"))
    pid_in(tmp_path / "pid")
    services.request_cancel(job, "someone", user=None)
    eventually(lambda: state_of(job) == "cancelled")
    assert reloaded(job).result == {"stopped": True}


@pytest.mark.parametrize("worker", [KILLS_SOON], indirect=True)
def test_a_job_that_does_not_stop_is_killed(enqueue: Enqueue, worker: JobsWorker, tmp_path: Path) -> None:
    job = enqueue("ignore_stop", path=str(tmp_path / "pid"))
    pid = pid_in(tmp_path / "pid")
    services.request_cancel(job, "someone", user=None)
    eventually(lambda: state_of(job) == "cancelled")
    assert not is_alive(pid)


def test_progress_is_in_the_row(enqueue: Enqueue, worker: JobsWorker, tmp_path: Path) -> None:
    job = enqueue("count_to_the_end", path=str(tmp_path / "steps"), end=1000)
    eventually(lambda: reloaded(job).done > 0)
    found = reloaded(job)
    assert found.total == 1000
    assert found.sentence == f"step {found.done}"
    assert found.checkpoint == {"next": found.done}


def test_a_job_runs_without_a_broker(enqueue: Enqueue, worker: JobsWorker) -> None:
    job = enqueue("add", numbers=[1])
    eventually(lambda: state_of(job) == "done")


def test_one_of_two_workers_gets_a_row(enqueue: Enqueue) -> None:
    jobs = [enqueue("add", numbers=[]) for _ in range(10)]
    claimed: list[Job] = []

    def claim_all(name: str) -> None:
        while (job := claim_next(HOST, name, Lane.LONG)) is not None:
            claimed.append(job)

    in_threads(*(lambda name=name: claim_all(name) for name in ("first", "second", "third")))
    assert sorted(job.pk for job in claimed) == sorted(job.pk for job in jobs)
    assert {job.attempts for job in Job.objects.all()} == {1}


def test_two_enqueued_at_the_same_moment_are_one(enqueue: Enqueue, add_kind: Callable[..., None]) -> None:
    add_kind("add", one_per_subject=True)
    found: list[tuple[Job, bool]] = []
    in_threads(*[lambda: found.append(services.enqueue("add", HOST, camera=None, subject="sky"))] * 3)
    assert len({job.pk for job, _ in found}) == 1
    assert sorted(new for _, new in found) == [False, False, True]


@pytest.mark.parametrize("one_per_subject", [False, True])
def test_a_job_without_a_host_is_refused(add_kind: Callable[..., None], one_per_subject: bool) -> None:
    add_kind("add", one_per_subject=one_per_subject)
    with pytest.raises(IntegrityError):
        services.enqueue("add", None, camera=None)  # type: ignore[arg-type]


def test_the_child_of_a_killed_worker_dies_with_it(enqueue: Enqueue, start_worker: StartWorker, tmp_path: Path) -> None:
    job = enqueue("ignore_stop", path=str(tmp_path / "pid"))
    process = start_worker()
    pid = pid_in(tmp_path / "pid")
    process.kill()
    eventually(lambda: not is_alive(pid))
    assert state_of(job) == "running"


def test_a_worker_that_is_stopped_gives_its_job_back(
    enqueue: Enqueue, start_worker: StartWorker, tmp_path: Path
) -> None:
    job = enqueue("wait_for_stop", path=str(tmp_path / "pid"))
    process = start_worker()
    pid_in(tmp_path / "pid")
    assert process.terminate() == 0
    assert state_of(job) == "waiting"
    assert reloaded(job).attempts == 0


def test_a_long_job_makes_room_for_another_and_continues_behind_it(enqueue: Enqueue, tmp_path: Path) -> None:
    path, gate = tmp_path / "steps", tmp_path / "gate"
    long = enqueue("count_to_the_end", limits={"makes_room": True}, path=str(path), end=9, step_s=0.0, gate=str(gate))
    short = enqueue("add", numbers=[1])
    worker = JobsWorker(HOST, SHORT_TURNS)
    worker.run_next()
    assert state_of(long) == "waiting"
    assert 0 < reloaded(long).done < 9
    gate.touch()
    worker.run_next()
    assert state_of(short) == "done"
    worker.run_next()
    assert state_of(long) == "done"
    assert reloaded(long).attempts == 1
    assert {int(line) for line in path.read_text().split()} == set(range(9))


def test_a_long_job_keeps_its_place_while_no_other_waits(enqueue: Enqueue, tmp_path: Path) -> None:
    job = enqueue("count_to_the_end", limits={"makes_room": True}, path=str(tmp_path / "steps"), end=4, step_s=0.2)
    JobsWorker(HOST, SHORT_TURNS).run_next()
    assert state_of(job) == "done"


def test_a_kind_that_cannot_continue_makes_no_room(enqueue: Enqueue, tmp_path: Path) -> None:
    job = enqueue("count_to_the_end", path=str(tmp_path / "steps"), end=4, step_s=0.2)
    enqueue("add", numbers=[1])
    JobsWorker(HOST, SHORT_TURNS).run_next()
    assert state_of(job) == "done"


def test_each_kind_makes_room_or_is_short_or_ends_by_itself() -> None:
    assert {name for name, kind in JOB_KINDS.items() if not kind.makes_room} == {"backup", "offsite", "offsite_test"}
    assert JOB_KINDS["offsite_test"].deadline_s <= 600


def test_a_job_of_the_short_lane_runs_beside_a_long_one(
    enqueue: Enqueue, workers: list[JobsWorker], tmp_path: Path
) -> None:
    long = enqueue("wait_for_stop", path=str(tmp_path / "pid"))
    pid_in(tmp_path / "pid")
    short = enqueue("add", limits={"lane": Lane.SHORT}, numbers=[1])
    eventually(lambda: state_of(short) == "done")
    assert state_of(long) == "running"


def test_a_job_of_a_lane_waits_for_another_of_its_lane_alone(enqueue: Enqueue) -> None:
    long = enqueue("add", numbers=[])
    assert claim_next(HOST, "worker", Lane.LONG) == long
    short = enqueue("fail", limits={"lane": Lane.SHORT})
    assert claims.is_busy(other_than(long)) is True
    assert claims.is_busy(short) is False
    assert claims.others_wait(long.pk, HOST, Lane.LONG) is False
    assert claims.others_wait(long.pk, HOST, Lane.SHORT) is True


def test_a_job_makes_no_room_before_it_has_got_on(enqueue: Enqueue, tmp_path: Path) -> None:
    limits = {"makes_room": True, "deadline_s": 1.0, "max_attempts": 1}
    job = enqueue("wait_for_stop", limits=limits, path=str(tmp_path / "pid"))
    enqueue("add", numbers=[1])
    JobsWorker(HOST, SHORT_TURNS).run_next()
    assert reloaded(job).error == "It took more than 1 s."


def test_a_job_that_a_command_runs_makes_no_room(enqueue: Enqueue, tmp_path: Path) -> None:
    job = enqueue("count_to_the_end", limits={"makes_room": True}, path=str(tmp_path / "steps"), end=4, step_s=0.2)
    enqueue("add", numbers=[1])
    JobsWorker(HOST, SHORT_TURNS).run_job(job)
    assert state_of(job) == "done"


def test_a_kill_of_the_workers_loses_no_job_of_either_lane(
    enqueue: Enqueue, start_worker: StartWorker, tmp_path: Path
) -> None:
    names, paths = ("ignore_stop", "wait_for_stop"), (tmp_path / "long", tmp_path / "short")
    lanes = (Lane.LONG, Lane.SHORT)
    jobs = [
        enqueue(name, limits={"lane": lane, "max_attempts": 50}, path=str(path))
        for name, lane, path in zip(names, lanes, paths, strict=True)
    ]
    process = start_worker()
    pids = [pid_in(path) for path in paths]
    process.kill()
    eventually(lambda: not any(is_alive(pid) for pid in pids))
    assert {state_of(job) for job in jobs} == {"running"}
    for job in jobs:
        lose_lease(job)
    claims.recover_lost(HOST)
    for job in jobs:
        make_due(job)
    start_worker()
    eventually(lambda: [(reloaded(job).state, reloaded(job).attempts) for job in jobs] == [("running", 2)] * 2)


@pytest.mark.slow
def test_a_job_survives_kills_of_child_and_worker(enqueue: Enqueue, start_worker: StartWorker, tmp_path: Path) -> None:
    """Every step is done at least once, and the job goes on at its checkpoint."""
    path, gate = tmp_path / "steps", tmp_path / "gate"
    job = enqueue("count_to_the_end", path=str(path), end=9, step_s=0.0, gate=str(gate))
    process = start_worker()
    eventually(lambda: reloaded(job).done > 0)
    os.kill(child_of(process.process.pid), signal.SIGKILL)
    eventually(lambda: state_of(job) == "waiting")
    first = reloaded(job).done
    make_due(job)
    eventually(lambda: reloaded(job).done > first)
    process.kill()
    second = reloaded(job).done
    lose_lease(job)
    claims.recover_lost(HOST)
    make_due(job)
    gate.touch()
    start_worker()
    eventually(lambda: state_of(job) == "done")
    assert {int(line) for line in path.read_text().split()} == set(range(9))
    assert (reloaded(job).attempts, reloaded(job).result) == (3, {"from": second})


def test_a_job_that_is_lost_too_often_fails(enqueue: Enqueue) -> None:
    job = enqueue("add", limits={"max_attempts": 2}, numbers=[])
    for _ in range(2):
        claims.recover_lost(HOST)
        Job.objects.update(not_before=timezone.now())
        assert claim_next(HOST, "worker", Lane.LONG)
        lose_lease(job)
    assert claim_next(HOST, "worker", Lane.LONG) is None
    assert state_of(job) == "failed"
    assert reloaded(job).error == f"{claims.LOST} It was tried 2 times."


def test_a_lost_job_that_was_cancelled_is_not_tried_again(enqueue: Enqueue) -> None:
    job = enqueue("add", numbers=[])
    assert claim_next(HOST, "worker", Lane.LONG)
    services.request_cancel(job, "someone", user=None)
    lose_lease(job)
    assert claim_next(HOST, "worker", Lane.LONG) is None
    assert state_of(job) == "cancelled"


def test_a_lost_job_is_found_although_the_clock_was_set_back(enqueue: Enqueue) -> None:
    job = enqueue("add", numbers=[])
    assert claim_next(HOST, "killed", Lane.LONG)
    Job.objects.update(lease_until=timezone.now() + timedelta(days=1))
    assert claims.is_busy(other_than(job)) is False
    assert claims.recover_lost(HOST) == 1
    assert state_of(job) == "waiting"
    assert reloaded(job).error == claims.LOST


def test_a_lease_that_runs_is_kept(enqueue: Enqueue) -> None:
    job = enqueue("add", numbers=[])
    assert claim_next(HOST, "worker", Lane.LONG)
    assert claims.is_busy(other_than(job)) is True
    assert claims.recover_lost(HOST) == 0
    assert state_of(job) == "running"


def test_a_job_runs_although_the_clock_of_the_host_that_wrote_it_is_ahead(enqueue: Enqueue) -> None:
    job = enqueue("add", numbers=[])
    Job.objects.update(not_before=timezone.now() + timedelta(days=1))
    assert claim_next(HOST, "worker", Lane.LONG) == job


def test_a_job_waits_for_its_next_attempt(enqueue: Enqueue) -> None:
    enqueue("add", numbers=[])
    Job.objects.update(not_before=timezone.now() + timedelta(seconds=claims.SCHEDULE.delays.longest_s / 2))
    assert claim_next(HOST, "worker", Lane.LONG) is None


def test_a_cancelled_job_does_not_wait_again_when_its_worker_stops(enqueue: Enqueue) -> None:
    enqueue("add", numbers=[])
    job = claim_next(HOST, "worker", Lane.LONG)
    assert job is not None
    services.request_cancel(job, "someone", user=None)
    assert claims.JobLease(job).release()
    assert state_of(job) == "cancelled"


def test_a_job_that_is_cancelled_while_its_attempt_fails_is_not_tried_again(enqueue: Enqueue) -> None:
    enqueue("add", numbers=[])
    job = claim_next(HOST, "worker", Lane.LONG)
    assert job is not None
    with before_update(lambda: services.request_cancel(job, "someone", user=None)):
        assert claims.JobLease(job).take_back("The disk is missing.")
    assert state_of(job) == "cancelled"


def test_a_job_whose_worker_stops_while_it_is_cancelled_is_cancelled(enqueue: Enqueue) -> None:
    enqueue("add", numbers=[])
    job = claim_next(HOST, "worker", Lane.LONG)
    assert job is not None
    with before_update(lambda: claims.JobLease(job).release()):
        assert services.request_cancel(job, "someone", user=None).state == "cancelled"


def test_a_command_runs_the_job_itself_on_a_stopped_station(enqueue: Enqueue) -> None:
    shown: list[str] = []
    job = enqueue("add", numbers=[4])
    job = services.wait_for_job(job, lambda job: shown.append(job.state), fail, run_here=True, patience_s=0.1)
    assert job.result == {"sum": 4, "actor": "tester"}
    assert shown[0] == "waiting"
    assert shown[-1] == "done"


def test_a_command_runs_a_job_that_a_killed_worker_left_running(enqueue: Enqueue) -> None:
    job = enqueue("add", numbers=[4])
    assert claim_next(HOST, "killed", Lane.LONG)
    lose_lease(job)
    shown: list[str] = []

    def show(changed: Job) -> None:
        shown.append(changed.state)
        make_due(changed)

    job = services.wait_for_job(job, show, fail, run_here=True, patience_s=0.1)
    assert job.result == {"sum": 4, "actor": "tester"}
    assert shown[0] == "running"
    assert shown[-1] == "done"


def test_a_command_that_waits_for_a_host_without_a_jobs_part_says_so_once(
    add_kind: Callable[..., None], enqueue: Enqueue
) -> None:
    add_kind("add")
    job, _ = services.enqueue("add", "dome", camera=None)
    said: list[str] = []

    def explain(waiting: Job) -> None:
        said.append(waiting.host)
        services.request_cancel(waiting, "someone", user=None)

    ended = services.wait_for_job(job, lambda job: None, explain, run_here=True, patience_s=0.0)
    assert ended.state == "cancelled"
    assert said == ["dome"]


def other_than(job: Job) -> Job:
    """Another job of its kind."""
    return Job(kind=job.kind, host=job.host)


def fail(job: Job) -> None:
    pytest.fail(f"{job} waits.")


@contextmanager
def before_update(act: Callable[[], object]) -> Iterator[None]:
    """Call `act` once, just before the next UPDATE: as if another process came between two statements."""
    waiting = [act]

    def execute(run: Any, sql: str, *arguments: Any) -> Any:
        if waiting and sql.startswith("UPDATE"):
            waiting.pop()()
        return run(sql, *arguments)

    with connection.execute_wrapper(execute):
        yield


def child_of(pid: int) -> int:
    """The process that a thread of `pid` started."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return int("".join((task / "children").read_text() for task in tasks).split()[0])
