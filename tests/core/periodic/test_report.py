"""What a process reports of its periodic tasks, and what that says of them."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from core.background import FAILURES
from core.periodic.part_tasks import Place, RunReport, RunState, part_report, publish_report, read_reports, state_of
from core.periodic.task import Owner, PeriodicTask
from core.periodic.thread import PeriodicThread
from core.retrying_thread import RetryingThread
from tests.harness.waiting import PATIENCE_S, eventually

TASK = PeriodicTask("sweep", 60.0, Owner.HOST, "jobs", "Sweeps.", "Dust.", "core.periodic.part_tasks.publish_report")
ON_TIME = RunReport(
    task="sweep", subject="", known_s=500.0, running_s=None, idle_s=30.0, took_s=0.1, pause_s=60.0, error="",
    failed_s=None,
)  # fmt: skip


@pytest.mark.parametrize(
    ("run", "state"),
    [
        ({}, RunState.OK),
        ({"idle_s": 89.0}, RunState.OK),
        ({"idle_s": 91.0}, RunState.LATE),
        ({"idle_s": 9.0, "pause_s": 0.1}, RunState.OK),
        ({"idle_s": 11.0, "pause_s": 0.1}, RunState.LATE),
        ({"idle_s": None, "known_s": 89.0}, RunState.WAITING),
        ({"idle_s": None, "known_s": 91.0}, RunState.LATE),
        ({"idle_s": 500.0, "running_s": 59.0}, RunState.RUNNING),
        ({"idle_s": 500.0, "running_s": 61.0}, RunState.LATE),
        ({"running_s": 1.0}, RunState.OK),
        ({"error": "OSError", "failed_s": 1.0}, RunState.FAILING),
        ({"error": "OSError", "failed_s": 1.0, "running_s": 70.0}, RunState.FAILING),
    ],
)
def test_a_task_is_on_time_by_its_last_run(run: dict[str, Any], state: RunState) -> None:
    assert state_of(TASK, RunReport(**{**ON_TIME, **run})) is state  # type: ignore[typeddict-item]


def test_a_task_may_be_allowed_longer_runs() -> None:
    run = RunReport(**{**ON_TIME, "running_s": 400.0})  # type: ignore[typeddict-item]
    assert state_of(replace(TASK, may_take_s=600.0), run) is RunState.RUNNING


def reported(task: str, subject: str = "") -> RunReport | None:
    return next((run for run in part_report()["runs"] if (run["task"], run["subject"]) == (task, subject)), None)


def test_a_thread_reports_its_last_run_until_it_ends() -> None:
    thread = PeriodicThread("gate", lambda: None, subject="rain", interval_s=3600.0)
    assert reported("gate", "rain") is None
    thread.start()
    eventually(lambda: (reported("gate", "rain") or ON_TIME)["idle_s"] is not None)
    found = reported("gate", "rain")
    assert found is not None
    assert (found["pause_s"], found["error"], found["running_s"]) == (3600.0, "", None)
    thread.stop(PATIENCE_S)
    assert reported("gate", "rain") is None


def test_an_error_is_reported_without_its_words_and_counted_under_the_name_of_the_task() -> None:
    before = FAILURES.labels("gate-roof")._value.get()  # noqa: SLF001

    def fail() -> None:
        raise OSError("the camera of Anna")

    thread = PeriodicThread("gate", fail, subject="roof", interval_s=3600.0)
    thread.start()
    found = eventually(lambda: (run := reported("gate", "roof")) and run["error"] and run, "an error")
    thread.stop(PATIENCE_S)
    assert found["error"] == "OSError"
    assert found["idle_s"] is None
    assert FAILURES.labels("gate-roof")._value.get() == before + 1  # noqa: SLF001


def test_a_run_that_hangs_is_reported_while_it_lasts() -> None:
    may_end = threading.Event()
    thread = PeriodicThread("gate", lambda: may_end.wait(PATIENCE_S) and None, subject="hung", interval_s=3600.0)
    thread.start()
    eventually(lambda: (reported("gate", "hung") or ON_TIME)["running_s"] is not None)
    may_end.set()
    thread.stop(PATIENCE_S)


def test_a_thread_that_serves_a_queue_is_not_reported() -> None:
    thread = RetryingThread("serves-a-queue", lambda: None, 3600.0)
    thread.start()
    assert reported("serves-a-queue") is None
    thread.stop(PATIENCE_S)


def test_a_report_is_read_where_it_was_published(valkey: Any) -> None:
    publish_report("main", "jobs")
    here, elsewhere = Place("main", "jobs"), Place("dome", "jobs")
    assert read_reports([here, elsewhere]).keys() == {here}


def test_a_broker_that_is_away_is_no_error_of_the_report() -> None:
    publish_report("main", "jobs")
