"""`PartTasks`: starts and stops the periodic tasks of a part, and reports all that its process has."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Protocol

from django.conf import settings

from core.periodic.report import publish_report
from core.periodic.task import PeriodicTask, Start
from core.periodic.thread import PeriodicThread, stop_together
from core.periodic.work import Work
from core.registry import resolve
from core.retrying_thread import RetryingThread

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
