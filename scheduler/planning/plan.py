"""What the planner returns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from cameras.spool.agenda import OnHeld
from cameras.spool.records import Programme
from core.sky.intervals import Interval

Reason = Literal[
    "disabled",
    "dates",
    "weekday",
    "skipped",
    "no_site",
    "no_night",
    "never_dark",
    "moon",
    "too_short",
    "over",
    "begun",
    "lost",
    "unplannable",
    "not_planned",
]


@dataclass(frozen=True, slots=True)
class RunPlan:
    """A session to come."""

    schedule: str
    camera: str
    night: date
    part: int
    """0, 1, ... of this schedule, camera and night, in the order of their begin. Runs that have begun count as well."""
    windows: tuple[Interval, ...]
    programme: Programme
    name: str
    created_by: str
    on_held: OnHeld
    priority: int

    @property
    def begin(self) -> datetime:
        return self.windows[0][0]

    @property
    def end(self) -> datetime:
        return self.windows[-1][1]


@dataclass(frozen=True, slots=True)
class Loser:
    """A night in which a schedule gets nothing of a camera, or less than its windows."""

    schedule: str
    camera: str
    night: date
    reason: Reason
    message: str
    """A sentence for people, with times of the site's clocks."""


@dataclass(frozen=True, slots=True)
class Plan:
    runs: list[RunPlan]
    """In the order of their begin."""
    losers: list[Loser]
    """One for each schedule, camera and night without a run."""
    shortened: list[Loser]
    """One for each schedule, camera and night with a run that gave time to other runs."""


class NoWindow(Exception):
    """A schedule has no window in a night."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason
        self.message = message
