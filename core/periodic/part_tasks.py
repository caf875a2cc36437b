"""`PartTasks`: starts and stops the periodic tasks of a part, and reports all that its process has, in the broker for
a few seconds; and what such a report says of a task."""

from __future__ import annotations

import functools
import json
import logging
import time
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple, Protocol, TypedDict, cast

from django.conf import settings

from core.broker import broker
from core.periodic.task import PeriodicTask, Start, Work
from core.periodic.thread import PeriodicThread, stop_together
from core.registry import resolve
from core.retrying_thread import RetryingThread, RunNotes, known_notes

log = logging.getLogger(__name__)
LIFE_S = 20
"""Of a report. One that is not renewed, since its process has ended or hangs, is soon gone."""
LEAST_LATE_S = 10.0
LATE_SHARE = 0.5
"""Of its interval, or LEAST_LATE_S if that is more: by so much a busy machine may delay a task before it is late."""
SHORT_S = 2.0
"""A run that has lasted for less is not worth a word."""


class RunReport(TypedDict):
    """A thread's runs. Times are seconds before the report, so that they need no clock in common."""

    task: str
    subject: str
    known_s: float
    """Since the thread began."""
    running_s: float | None
    """Since the run that lasts began; null between two runs."""
    idle_s: float | None
    """Since the last run without an error ended; null before the first."""
    took_s: float | None
    pause_s: float
    error: str
    failed_s: float | None


class PartReport(TypedDict):
    """`at` is in seconds since 1970, by the clock of the host."""

    at: float
    runs: list[RunReport]


class RunState(StrEnum):
    OK = "ok"
    RUNNING = "running"
    WAITING = "waiting"
    """It has not run yet, and is not late."""
    FAILING = "failing"
    LATE = "late"


class Place(NamedTuple):
    """Where a report comes from."""

    host: str
    part: str


def run_report(notes: RunNotes) -> RunReport:
    now, last = time.monotonic(), notes.last

    def ago(at: float | None) -> float | None:
        return None if at is None else round(max(0.0, now - at), 1)

    return RunReport(
        task=notes.task, subject=notes.subject, known_s=round(now - notes.since, 1), running_s=ago(last.began_at),
        idle_s=ago(last.ended_at), took_s=None if last.took_s is None else round(last.took_s, 3),
        pause_s=last.pause_s, error=last.error, failed_s=ago(last.failed_at),
    )  # fmt: skip


def part_report() -> PartReport:
    """The tasks of this process that are in the station's table."""
    runs = [run_report(notes) for notes in known_notes() if notes.task in settings.PERIODIC_TASKS]
    return PartReport(at=round(time.time(), 1), runs=sorted(runs, key=lambda run: (run["task"], run["subject"])))


def publish_report(host: str, part: str) -> None:
    try:
        broker.connection().set(_key(Place(host, part)), json.dumps(part_report()), ex=LIFE_S)
    except broker.UNREACHABLE as error:
        log.debug("The periodic tasks are not reported: %s", error)  # others say that the broker is away


def read_reports(places: Iterable[Place]) -> dict[Place, PartReport]:
    """Without the places that report nothing. BrokerDown."""
    listed = list(places)
    if not listed:
        return {}
    with broker.reachable() as server:
        found = cast("list[str | None]", server.mget([_key(place) for place in listed]))
    return {place: json.loads(text) for place, text in zip(listed, found, strict=True) if text is not None}


def _key(place: Place) -> str:
    return broker.key("periodic", place.host, place.part)


def state_of(task: PeriodicTask, run: RunReport) -> RunState:
    """Whether the task is on time there."""
    if run["error"]:
        return RunState.FAILING
    if late_s(task, run) > 0:
        return RunState.LATE
    if is_long(run):
        return RunState.RUNNING
    return RunState.WAITING if run["idle_s"] is None else RunState.OK


def late_s(task: PeriodicTask, run: RunReport) -> float:
    """For how many seconds the task has been late there; 0 while it is on time. One that fails becomes late, too, since
    it has not run without an error."""
    if run["running_s"] is not None and is_long(run):
        return max(0.0, run["running_s"] - task.may_take_s)
    waited_s = run["known_s"] if run["idle_s"] is None else run["idle_s"]
    return max(0.0, waited_s - run["pause_s"] - max(LEAST_LATE_S, LATE_SHARE * run["pause_s"]))


def is_long(run: RunReport) -> bool:
    """Whether the run that lasts is worth a word."""
    return run["running_s"] is not None and run["running_s"] > SHORT_S


LONG_AGO_S = 1e9


def since_last_run_s(run: RunReport) -> float:
    """Beat's task runs on any host: what counts is the host that ran it last."""
    return run["known_s"] + LONG_AGO_S if run["idle_s"] is None else run["idle_s"]


REPORT = "periodic-report"
STOP_S = 3.0
"""For the runs of all threads together, when the part stops."""


class Startable(Protocol):
    def start(self) -> None: ...

    def stop(self) -> None: ...


class PartTasks:
    """The threads of `tasks` of `part`, by default of those in the station's table that PartTasks starts."""

    def __init__(self, part: str, host: str, tasks: Iterable[PeriodicTask] | None = None) -> None:
        found = settings.PERIODIC_TASKS.values() if tasks is None else tasks
        own = [task for task in found if task.part == part]
        self._made: list[Startable] = [resolve(task.work)(host) for task in own if task.start is Start.FACTORY]
        runs = [thread for task in own if task.start is Start.RUNNER if (thread := thread_of(task, host))]
        self._threads = [*runs, PeriodicThread(REPORT, functools.partial(publish_report, host, part))]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()
        for one in self._made:
            one.start()

    def stop(self, within_s: float = STOP_S) -> None:
        """Work that takes longer ends with the process."""
        for thread in self._threads:
            thread.request_stop()
        for one in self._made:
            one.stop()
        stop_together(self._threads, within_s)


def thread_of(task: PeriodicTask, host: str) -> RetryingThread | None:
    """None if the configuration does not want its work."""
    found = resolve(task.work)
    if not isinstance(found, type):
        return PeriodicThread(task.name, found)
    work: Work = found(host)
    if not work.is_wanted():
        return None
    thread = PeriodicThread(
        task.name, work.run, interval_s=work.interval_s, at_end=work.end, on_error=work.note_failure
    )
    work.control = thread
    return thread
