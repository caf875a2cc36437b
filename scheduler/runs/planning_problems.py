"""Schedules that cannot be planned as they are stored: an older version wrote them, or their site has changed."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.core.exceptions import ValidationError

from monitoring.selectors import unresolved_keys
from monitoring.services import raise_alert, resolve_alert
from scheduler.runs.rules import schedule_rule
from scheduler.runs.sites import unusable_sites
from scheduler.schedules.models import Schedule
from scheduler.schedules.requests import programme_for

ALERT = "schedule.unplannable:"
Problems = dict[UUID, str]
"""Schedule -> what is wrong with it, as a sentence."""


def planning_problems(schedules: Iterable[Schedule]) -> Problems:
    sites = unusable_sites()
    found = {schedule.pk: _problem(schedule, sites) for schedule in schedules}
    return {pk: problem for pk, problem in found.items() if problem}


def _problem(schedule: Schedule, unusable: dict[str, str]) -> str:
    cameras = [camera for camera in schedule.cameras.all() if camera.removed_at is None]
    try:
        schedule_rule(schedule, cameras)
        for camera in cameras:
            programme_for(schedule, camera)
    # Whatever the row contains: the other schedules are planned.
    except (ValueError, TypeError, KeyError, ValidationError) as error:
        return f"The schedule {schedule.name} cannot be planned: {error}"
    hosts = sorted({camera.host for camera in cameras} & set(unusable))
    return f"The schedule {schedule.name} cannot be planned: {unusable[hosts[0]]}" if hosts else ""


def report_problems(problems: Problems) -> None:
    """An alert for each, which ends when the schedule can be planned again or is removed."""
    keys = {f"{ALERT}{pk}": problem for pk, problem in problems.items()}
    open_keys = unresolved_keys(ALERT)
    for key in sorted(keys.keys() - open_keys):
        raise_alert(key, f"{keys[key]} Its planned runs stay as they are.", severity="error")
    for key in sorted(open_keys - keys.keys()):
        resolve_alert(key)
