"""The runs of a night before and after an operator has changed it, and what the change means for each of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone

from captures.sessions.models import ACTIVE, Session
from core.station_zone import reader_time_text
from scheduler.runs.models import PlannedRun
from scheduler.runs.replanning import LEAD
from scheduler.schedules.models import NightChange, Schedule


@dataclass(frozen=True, slots=True)
class NightRun:
    id: str
    camera: str
    schedule: str
    begin: datetime
    end: datetime
    state: str
    has_begun: bool
    """It keeps its times, and has not ended."""

    @property
    def name(self) -> str:
        return f"The run of {self.schedule} on {self.camera}"

    @property
    def times(self) -> str:
        return f"from {reader_time_text(self.begin)} to {reader_time_text(self.end)}"


@dataclass(frozen=True, slots=True)
class ChangedNight:
    """`before`, `after`: the runs of the night on the cameras of the schedule, also those of other schedules."""

    change: NightChange
    before: list[NightRun]
    after: list[NightRun]

    @property
    def remarks(self) -> list[str]:
        return [*self._moved(), *self._kept()]

    def _moved(self) -> Iterator[str]:
        """The runs that are no longer as they were, also those of other schedules."""
        after = {run.id: run for run in self.after}
        for run in self.before:
            now = after.get(run.id)
            if now is None:
                yield f"{run.name} {run.times} is dropped."
            elif (now.begin, now.end) != (run.begin, run.end):
                yield f"{run.name} is now {now.times}; it was {run.times}."

    def _kept(self) -> Iterator[str]:
        """The runs that have begun, and so do not follow the change."""
        end, begin = self.change.ends_at, self.change.begins_at
        for run in self.after:
            if not run.has_begun or run.schedule != self.change.schedule.name:
                continue
            if self.change.skip or (end is not None and end < run.end) or (begin is not None and begin > run.begin):
                yield f"{run.name} has begun and goes on until {reader_time_text(run.end)}: stop its session to end it."


def runs_of_night(schedule: Schedule, night: date) -> list[NightRun]:
    """On the cameras of the schedule, those of other schedules as well, in the order of their begin."""
    rows = PlannedRun.objects.filter(camera__in=schedule.cameras.all(), night=night).select_related("camera")
    found = list(rows.order_by("begins_at", "camera__slug"))
    states = dict(Session.objects.filter(pk__in=[row.pk for row in found]).values_list("pk", "state"))
    return [_run(row, states.get(row.pk)) for row in found]


def _run(row: PlannedRun, state: str | None) -> NightRun:
    is_due = row.begins_at <= timezone.now() + LEAD and row.ends_at > timezone.now()
    has_begun = state in ACTIVE or (state is None and is_due)
    return NightRun(
        str(row.pk), row.camera.slug, row.name, row.begins_at, row.ends_at, state or "planned", has_begun=has_begun
    )
