"""A host's jobs part: what it starts and stops, and how it ends when it cannot start."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import ClassVar

import pytest

from core.jobs import tables
from core.jobs.part import JobsPart, local_part
from skycam_project import celery
from tests.harness.waiting import PATIENCE_S


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


@pytest.fixture(autouse=True)
def no_other_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    Recorder.calls.clear()
    for name in list(tables.BACKGROUND_THREADS):
        monkeypatch.delitem(tables.BACKGROUND_THREADS, name)
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
    monkeypatch.setenv("SKYCAM_PART", "jobs")
    with pytest.raises(SystemExit):
        celery.start_jobs_part()


def test_a_launcher_from_before_an_update_gets_no_worker_without_cameras() -> None:
    command = [sys.executable, "-m", "celery", "--quiet", "--skip-checks", "--app", "skycam_project.celery", "worker"]
    environment = {**os.environ, "SKYCAM_PART": "worker"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert ended.returncode == 1
    assert "Restart the whole station." in ended.stderr
