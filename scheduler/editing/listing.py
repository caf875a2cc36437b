"""The list of schedules, each in sentences and with its next run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import timezone

from cameras.models import Camera
from captures.sessions.models import ACTIVE, Session
from scheduler.planning.plan import Plan
from scheduler.runs.models import PlannedRun
from scheduler.runs.replanning import plan_with_begun
from scheduler.runs.rules import planning_problems
from scheduler.runs.sites import night_at, sites_of, station_site
from scheduler.schedules.descriptions import days_sentence, moon_sentence, programme_sentence, window_sentence
from scheduler.schedules.models import NightChange, Schedule
from scheduler.schedules.selectors import schedules_for

NIGHTS = 7


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    schedule: Schedule
    cameras: list[Camera]
    night: date
    """The present night at its first camera, or the coming one by day."""
    zone: str
    running: bool
    next_at: datetime | None
    """The begin of the next run, in the site's zone."""
    reason: str
    """Why there is no run in the next nights."""
    problem: str
    """Why the schedule cannot be planned as it is stored; empty for a valid one."""
    change: NightChange | None
    """Of `night`."""

    @property
    def next_text(self) -> str:
        """By the site's clock. As text: a template would show a time in the reader's zone."""
        return f"{self.next_at:%Y-%m-%d %H:%M}" if self.next_at else ""

    @property
    def until(self) -> timedelta | None:
        """The time until the next run."""
        return self.next_at - timezone.now() if self.next_at else None

    @property
    def window(self) -> str:
        return "" if self.problem else window_sentence(self.schedule.window)

    @property
    def programme(self) -> str:
        return "" if self.problem else programme_sentence(self.schedule.programme)

    @property
    def moon(self) -> str:
        return "" if self.problem else moon_sentence(self.schedule.moon)

    @property
    def days(self) -> str:
        return days_sentence(self.schedule)


def schedule_rows(user: Any, now: datetime) -> list[ScheduleRow]:
    """The highest priority first. The plan has all schedules, also those that the user may not see."""
    shown = list(schedules_for(user))
    if not shown:
        return []
    everything = list(Schedule.objects.prefetch_related("cameras"))
    today = now.date()
    problems = planning_problems(everything)
    found = plan_with_begun(everything, problems, now, (today - timedelta(days=1), today + timedelta(days=NIGHTS)))
    runs = PlannedRun.objects.filter(schedule__in=shown, begins_at__lte=now, ends_at__gt=now)
    sessions = set(Session.objects.filter(pk__in=runs.values("pk"), state__in=ACTIVE).values_list("pk", flat=True))
    running = {run.schedule_id for run in runs if run.pk in sessions}
    sites = sites_of({camera for schedule in shown for camera in schedule.cameras.all()})
    return [
        _row(schedule, found, sites, now, schedule.pk in running, problems.get(schedule.pk, "")) for schedule in shown
    ]


def _row(
    schedule: Schedule, found: Plan, sites: dict[Any, Any], now: datetime, running: bool, problem: str
) -> ScheduleRow:
    cameras = sorted(
        (camera for camera in schedule.cameras.all() if camera.removed_at is None), key=lambda one: one.slug
    )
    site = sites[cameras[0].pk] if cameras else station_site()
    night = night_at(site, now)
    begins = [run.begin for run in found.runs if run.schedule == str(schedule.pk) and not problem]
    return ScheduleRow(
        schedule=schedule,
        cameras=cameras,
        night=night,
        zone=site.time_zone,
        running=running,
        next_at=min(begins).astimezone(site.zone) if begins else None,
        reason=problem or ("" if begins else _reason(schedule, found, cameras, night)),
        problem=problem,
        change=next((change for change in schedule.changes.all() if change.night == night), None),
    )


def _reason(schedule: Schedule, found: Plan, cameras: list[Camera], night: date) -> str:
    if not cameras:
        return "It has no camera: all of them were removed."
    own = [one for one in found.losers if one.schedule == str(schedule.pk) and one.night >= night]
    messages = dict.fromkeys(one.message for one in sorted(own, key=lambda one: one.night))
    return next(iter(messages), "")
