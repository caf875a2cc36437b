"""The table of periodic work: its entries and beat's schedule."""

from __future__ import annotations

from django.conf import settings

from core.periodic.task import Owner, Start
from core.registry import resolve
from skycam_project.periodic import TASKS


def test_the_tasks_of_beat_are_those_of_celery() -> None:
    sent = {task.name: task for task in TASKS.values() if task.start is Start.BEAT}
    assert {resolve(task.work).name for task in sent.values()} == sent.keys()
    assert all(task.owner is Owner.STATION for task in sent.values())
    schedule = settings.CELERY_BEAT_SCHEDULE
    assert {entry["task"] for entry in schedule.values()} == sent.keys()
    assert schedule["nights"] == {"task": "scheduler.report_nights", "schedule": 600.0}


def test_each_entry_says_what_it_does_and_what_it_costs_when_it_is_late() -> None:
    assert [task.name for task in TASKS.values() if not (task.what.endswith(".") and task.late.endswith("."))] == []
