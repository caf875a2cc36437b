"""A host's jobs part: what it starts and stops, and how it ends when it cannot start."""

from __future__ import annotations

from types import SimpleNamespace
from typing import ClassVar

import pytest
from celery import Celery
from django.conf import settings

from core.broker.queues import camera_queue, jobs_queue
from core.jobs import tables
from core.jobs.worker import JobsPart, local_part
from core.periodic.part_tasks import REPORT
from core.periodic.thread import task_of
from skycam_project import celery_worker


class Recorder:
    """A background thread of the part, which writes down what happens to it."""

    calls: ClassVar[list[str]] = []

    def __init__(self, host: str) -> None:
        self.host = host

    def start(self) -> None:
        self.calls.append(f"start {self.host}")

    def stop(self) -> None:
        self.calls.append(f"stop {self.host}")


class Broken(Recorder):
    def start(self) -> None:
        raise OSError("no such disk")


def worker_of(queue: str) -> SimpleNamespace:
    """A Celery worker that takes this queue alone."""
    app = Celery("other", set_as_current=False)
    app.amqp.queues.select([queue])
    return SimpleNamespace(app=app)


@pytest.fixture(autouse=True)
def no_other_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    Recorder.calls.clear()
    for name in list(tables.BACKGROUND_THREADS):
        monkeypatch.delitem(tables.BACKGROUND_THREADS, name)
    monkeypatch.setattr(settings, "PERIODIC_TASKS", {name: task_of(name) for name in (REPORT, "jobs")})
    monkeypatch.setattr("core.jobs.worker.JobsWorker.start", lambda worker: None)
    local_part.cache_clear()


def test_each_background_thread_is_started_and_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tables.BACKGROUND_THREADS, "first", f"{__name__}.Recorder")
    monkeypatch.setitem(tables.BACKGROUND_THREADS, "second", f"{__name__}.Recorder")
    part = JobsPart("host-a")
    part.start()
    part.stop()
    assert Recorder.calls == ["start host-a", "start host-a", "stop host-a", "stop host-a"]


def test_a_part_that_cannot_start_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tables.BACKGROUND_THREADS, "broken", f"{__name__}.Broken")
    with pytest.raises(SystemExit):
        celery_worker.start_jobs(worker_of(jobs_queue(settings.STATION.host)))


def test_a_worker_without_the_jobs_of_its_host_starts_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tables.BACKGROUND_THREADS, "broken", f"{__name__}.Broken")
    celery_worker.start_jobs(worker_of(camera_queue(settings.STATION.host)))
