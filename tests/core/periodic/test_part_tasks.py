"""`PartTasks` starts the tasks of a part, each as its entry says, and stops them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from django.conf import settings

from core.periodic import celery_runs
from core.periodic.celery_runs import note_begin, note_celery_runs, note_end, note_failure
from core.periodic.part_tasks import PartTasks
from core.periodic.task import Owner, PeriodicTask, Start, Work
from core.periodic.thread import PeriodicThread, task_of
from core.retrying_thread import known_notes
from tests.harness.waiting import PATIENCE_S, eventually

CALLS: list[str] = []
swept = threading.Event()


def sweep() -> None:
    swept.set()


class Counting(Work):
    def run(self) -> float:
        CALLS.append(f"run on {self.host}")
        self.control.pause(PATIENCE_S)
        return 3600.0

    def end(self) -> None:
        CALLS.append("end")


class Failing(Counting):
    def run(self) -> float:
        raise OSError("no disk")

    def note_failure(self, error: Exception) -> None:
        CALLS.append(f"failure: {error}")


class Unwanted(Counting):
    def is_wanted(self) -> bool:
        return False


class OwnThread:
    def __init__(self, host: str) -> None:
        self._host = host

    def start(self) -> None:
        CALLS.append(f"start {self._host}")

    def stop(self) -> None:
        CALLS.append("stop")


@pytest.fixture(autouse=True)
def no_calls() -> None:
    CALLS.clear()
    swept.clear()


def task(work: str, start: Start = Start.RUNNER) -> PeriodicTask:
    return PeriodicTask("sweep", 3600.0, Owner.HOST, "jobs", "Sweeps.", "Dust.", f"{__name__}.{work}", start)


@pytest.fixture
def started(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[PartTasks]:
    found: PeriodicTask = request.param
    monkeypatch.setattr(settings, "PERIODIC_TASKS", {**settings.PERIODIC_TASKS, found.name: found})
    tasks = PartTasks("jobs", "dome", [found])
    tasks.start()
    yield tasks
    tasks.stop()


@pytest.mark.parametrize("started", [task("sweep")], indirect=True)
def test_a_function_is_called(started: PartTasks) -> None:
    assert swept.wait(PATIENCE_S)


@pytest.mark.parametrize("started", [task("Counting")], indirect=True)
def test_work_with_a_state_is_made_for_the_host_and_ended_during_its_pause(started: PartTasks) -> None:
    eventually(lambda: CALLS == ["run on dome"])
    started.stop()
    assert CALLS == ["run on dome", "end"]


@pytest.mark.parametrize("started", [task("Failing")], indirect=True)
def test_work_may_note_its_failure(started: PartTasks) -> None:
    eventually(lambda: CALLS == ["failure: no disk"])


@pytest.mark.parametrize("started", [task("Unwanted")], indirect=True)
def test_what_the_configuration_does_not_want_is_not_started(started: PartTasks) -> None:
    started.stop()
    assert CALLS == []


@pytest.mark.parametrize("started", [task("OwnThread", Start.FACTORY)], indirect=True)
def test_a_thread_of_its_own_is_started_and_stopped(started: PartTasks) -> None:
    started.stop()
    assert CALLS == ["start dome", "stop"]


@pytest.mark.parametrize("started", [task("Counting", Start.PART)], indirect=True)
def test_what_the_part_starts_itself_is_left_to_it(started: PartTasks) -> None:
    started.stop()
    assert CALLS == []


def test_a_task_whose_interval_is_a_setting_needs_it() -> None:
    with pytest.raises(ValueError, match="gate is a setting"):
        PeriodicThread("gate", sweep, subject="rain")


def test_a_name_that_is_not_in_the_table_has_no_thread() -> None:
    with pytest.raises(KeyError):
        PeriodicThread("dusting", sweep)


def test_the_tasks_of_beat_are_noted_where_they_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(celery_runs, "_notes", {})
    before = set(known_notes())
    note_celery_runs()
    [notes] = [one for one in set(known_notes()) - before if one.task == "scheduler.replan"]
    sent = SimpleNamespace(name="scheduler.replan")
    note_begin(task=sent)
    assert notes.last.began_at is not None
    note_end(sender=sent)
    assert notes.last.ended_at is not None
    assert notes.last.pause_s == task_of("scheduler.replan").interval_s
    note_begin(task=sent)
    note_failure(sender=sent, exception=OSError("no disk"))
    assert notes.last.error == "OSError"
    note_begin(task=SimpleNamespace(name="captures.render_clip"))
