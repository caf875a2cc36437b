"""`PeriodicThread`: the thread of a task of the table, which has its interval and its gate from there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from django.conf import settings

from core.changes import ChangeGate
from core.periodic.task import PeriodicTask
from core.retrying_thread import RetryingThread, RunNotes


def task_of(name: str) -> PeriodicTask:
    """KeyError if the table of the station has no such task."""
    task: PeriodicTask = settings.PERIODIC_TASKS[name]
    return task


class PeriodicThread(RetryingThread):
    """`subject` tells threads of one task apart. `interval_s` is for a task whose interval is a setting, and for
    tests."""

    def __init__(
        self,
        task: str,
        work: Callable[[], float | None],
        *,
        subject: str = "",
        interval_s: float | None = None,
        at_end: Callable[[], None] | None = None,
        on_error: Callable[[Exception], None] | None = None,
        awake: threading.Event | None = None,
    ) -> None:
        found = task_of(task)
        if interval_s is None:
            interval_s = found.fixed_interval_s
        self.interval_s = interval_s
        gate = ChangeGate() if found.has_gate else None
        name = f"{task}-{subject}" if subject else task
        super().__init__(name, work, interval_s, at_end, on_error, awake, gate=gate)
        self.notes = RunNotes(task, subject, interval_s)


def stop_together(threads: Sequence[RetryingThread], within_s: float) -> None:
    """Wait for the current runs of all of them at most `within_s`. Those that take longer end with the process."""
    until = time.monotonic() + within_s
    for thread in threads:
        thread.request_stop()
    for thread in threads:
        thread.stop(max(0.0, until - time.monotonic()))
