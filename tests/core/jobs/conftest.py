"""Kinds of jobs for tests, and a jobs worker on a thread or in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.harness.waiting import PATIENCE_S

if TYPE_CHECKING:
    from core.jobs.models import Job
    from core.jobs.worker import JobsWorker
    from tests.harness.jobs.builders import WorkerProcess


@pytest.fixture
def add_kind(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    from core.jobs import tables
    from tests.harness.jobs.builders import kind_named

    def add(name: str, **changes: Any) -> None:
        monkeypatch.setitem(tables.JOB_KINDS, name, kind_named(name, **changes))

    return add


@pytest.fixture
def enqueue(add_kind: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Job]:
    """Enqueue a job of a test function, whose arguments are keywords; no broker is there to wake a worker."""
    from core.jobs import services, tables
    from tests.harness.jobs.builders import HOST

    monkeypatch.setattr(services, "wake_host", lambda host: False)

    def new_job(name: str, *, limits: dict[str, Any] | None = None, **arguments: Any) -> Job:
        if name not in tables.JOB_KINDS or limits:
            add_kind(name, **(limits or {}))
        return services.enqueue(name, HOST, camera=None, arguments=arguments, actor="tester")[0]

    return new_job


@pytest.fixture
def worker(request: pytest.FixtureRequest) -> Iterator[JobsWorker]:
    """A worker that runs on its thread until the test ends. Its times are a parameter; by default it kills no job that
    is asked to stop."""
    from core.jobs.worker import JobsWorker
    from tests.harness.jobs.builders import HOST, QUICK

    found = JobsWorker(HOST, getattr(request, "param", replace(QUICK, grace_s=PATIENCE_S)))
    found.start()
    yield found
    found.stop(PATIENCE_S)


@pytest.fixture
def start_worker() -> Iterator[Callable[[], WorkerProcess]]:
    from tests.harness.jobs.builders import WorkerProcess

    started: list[WorkerProcess] = []

    def start() -> WorkerProcess:
        started.append(WorkerProcess())
        return started[-1]

    yield start
    for one in started:
        one.kill()


@pytest.fixture
def workers() -> Iterator[list[JobsWorker]]:
    """Those of a host, one for each lane, on their threads until the test ends."""
    from core.jobs.tables import Lane
    from core.jobs.worker import JobsWorker
    from tests.harness.jobs.builders import HOST, QUICK

    found = [JobsWorker(HOST, replace(QUICK, grace_s=PATIENCE_S), lane) for lane in Lane]
    for worker in found:
        worker.start()
    yield found
    for worker in found:
        worker.stop(PATIENCE_S)
