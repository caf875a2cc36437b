"""Notes on the tasks that beat sends, in the process that runs them."""

from __future__ import annotations

from typing import Any

from celery import signals
from django.conf import settings

from core.periodic.task import Start
from core.periodic.thread import task_of
from core.retrying_thread import RunNotes, add_notes

_notes: dict[str, RunNotes] = {}


def note_celery_runs() -> None:
    """From now on, in this process."""
    for task in settings.PERIODIC_TASKS.values():
        if task.start is Start.BEAT and task.name not in _notes:
            _notes[task.name] = RunNotes(task.name, pause_s=task.fixed_interval_s)
            add_notes(_notes[task.name])
    signals.task_prerun.connect(note_begin)
    signals.task_success.connect(note_end)
    signals.task_failure.connect(note_failure)


def note_begin(task: Any, **_: Any) -> None:
    if notes := _notes.get(task.name):
        notes.begin()


def note_end(sender: Any, **_: Any) -> None:
    if notes := _notes.get(sender.name):
        notes.end(task_of(sender.name).fixed_interval_s)


def note_failure(sender: Any, exception: BaseException, **_: Any) -> None:
    if notes := _notes.get(sender.name):
        notes.fail(exception, task_of(sender.name).fixed_interval_s)
