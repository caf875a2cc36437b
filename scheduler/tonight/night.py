"""What a night will bring: its runs with their expected pictures, and the reasons of schedules without one.

With a date or a place of its own it is a dry run: nothing is stored, and runs that have begun do not count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, Literal, cast

from django.utils import timezone

from cameras.models import Camera
from cameras.programmes.kinds import describe_exposures
from cameras.selectors import cameras_for
from cameras.spool.records import Programme
from captures.sessions.forecast import Amount, RecentPictures, expected_amount, free_bytes, recent_pictures, rounded
from captures.sessions.models import ACTIVE, Session
from core.sky.intervals import Interval
from core.templatetags.skycam import format_bytes
from core.text.sentences import pluralize
from scheduler.planning.rules import Loser, Plan, Site
from scheduler.planning.sky import NightSky, sky_of_night
from scheduler.runs.models import PlannedRun
from scheduler.runs.replanning import plan_nights, plan_with_begun
from scheduler.runs.rules import Problems, night_at, planning_problems, programme_for, sites_of, station_site
from scheduler.schedules.models import Schedule
from scheduler.telescope.field_lists.observers import telescope_sentences

Severity = Literal["error", "warning"]
MOST_REASONS = 3
NOT_PLANNED = (
    "Its run is not planned yet: runs are planned each minute, while the parts jobs and beat work (`skycam ps`)."
)
ENDED_EARLY = {"stopped": "was stopped", "failed": "has failed"}
Recent = Callable[[Camera], RecentPictures]
"""Reads a camera once, however many runs it has."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run of the night. `id` is None in a dry run."""

    camera: Camera
    schedule: str
    windows: list[Interval]
    programme: dict[str, Any]
    amount: Amount
    id: str | None = None
    state: str = "planned"

    @property
    def begin(self) -> datetime:
        return self.windows[0][0]

    @property
    def end(self) -> datetime:
        return self.windows[-1][1]

    @property
    def is_over(self) -> bool:
        return self.state not in ACTIVE

    @property
    def exposures(self) -> str:
        return describe_exposures(cast(Programme, self.programme))


@dataclass(frozen=True, slots=True)
class Reason:
    camera: Camera
    schedule: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Room:
    """Of a camera, by its slug, for all its runs of the night that are not over. None: unknown."""

    camera: str
    needed_bytes: int | None
    free_bytes: int | None


@dataclass(frozen=True, slots=True)
class NightWarning:
    severity: Severity
    reason: str
    message: str
    camera: Camera | None = None
    """None for one that is about no single camera."""

    @property
    def slug(self) -> str | None:
        return self.camera.slug if self.camera else None


@dataclass(frozen=True, slots=True)
class Night:
    night: date
    site: Site
    dry_run: bool
    begin: datetime
    end: datetime
    sky: NightSky | None
    runs: list[Run]
    without_run: list[Reason]
    shortened: list[Reason]
    room: list[Room]
    telescopes: list[str] = field(default_factory=list)
    """Sentences: which field lists are observed, beside the runs of schedules."""
    warnings: list[NightWarning] = field(default_factory=list)

    @property
    def moon_percent(self) -> int | None:
        """The lit share of the Moon's disc at midnight, in per cent."""
        return round(100 * self.sky.moon_phase) if self.sky else None

    @property
    def all_reasons(self) -> list[Reason]:
        return [*self.without_run, *self.shortened]

    @property
    def room_lines(self) -> list[str]:
        """`sky: needs 7 GB; 80 GB free on its disk.`"""
        return [room_line(room) for room in self.room]

    @property
    def sentence(self) -> str:
        """`2 runs on 1 camera, from 18:05 to 06:12, about 700 pictures, 7 GB.`, or why there is none. Then the runs
        that have ended early, and what telescopes observe."""
        if not self.runs:
            return " ".join([self._reason_sentence, *self.telescopes])
        ended = [
            f"{run.schedule} on {run.camera.name} {ENDED_EARLY[run.state]}."
            for run in self.runs
            if run.state in ENDED_EARLY
        ]
        over = [f"{self._nothing} more will run."] if all(run.is_over for run in self.runs) else []
        return " ".join([self._runs_sentence, *ended[:MOST_REASONS], *over, *self.telescopes])

    @property
    def _nothing(self) -> str:
        return "No schedule" if self.telescopes else "Nothing"

    @property
    def _runs_sentence(self) -> str:
        zone = self.site.zone
        begin, end = min(run.begin for run in self.runs), max(run.end for run in self.runs)
        cameras = len({run.camera.pk for run in self.runs})
        sizes = [run.amount.bytes for run in self.runs]
        pictures = pluralize(rounded(float(sum(run.amount.pictures for run in self.runs))), "picture")
        size = "" if None in sizes else f", {format_bytes(rounded(float(sum(filter(None, sizes)))))}"
        times = f"from {begin.astimezone(zone):%H:%M} to {end.astimezone(zone):%H:%M} {end.astimezone(zone).tzname()}"
        return f"{pluralize(len(self.runs), 'run')} on {pluralize(cameras, 'camera')}, {times}, about {pictures}{size}."

    @property
    def _reason_sentence(self) -> str:
        if not self.without_run:
            return (
                f"{self._nothing} will run: there is no schedule with a camera. Add one on the page Schedules, or with "
                "`skycam schedules add`."
            )
        reasons = list(dict.fromkeys(f"{one.schedule}: {one.message}" for one in self.without_run))
        more = len(reasons) - MOST_REASONS
        return " ".join(
            [f"{self._nothing} will run.", *reasons[:MOST_REASONS], *([f"And {more} more."] if more > 0 else [])]
        )


def night_for(user: Any, *, night: date | None = None, place: Site | None = None) -> Night:
    """The present night, or the coming one by day. `night`, `place`: a dry run of another one."""
    cameras = {str(camera.pk): camera for camera in cameras_for(user)}
    sites = sites_of(cameras.values())
    site = place or next(iter(sorted(sites.values(), key=lambda one: one.latitude is None)), station_site())
    now = timezone.now()
    present = night_at(site, now)
    chosen = night or present
    is_dry = place is not None or chosen != present
    begin, end = site.night_range(chosen)
    schedules = list(Schedule.objects.prefetch_related("cameras"))
    problems, recent = planning_problems(schedules), cache(recent_pictures)
    losers = _unplannable(schedules, problems, chosen)
    if is_dry:
        plannable = [schedule for schedule in schedules if schedule.pk not in problems]
        found = plan_nights(plannable, min(now, begin) - timedelta(days=1), nights=(chosen, chosen), place=place)
        runs = [_dry_run(run, cameras, schedules, recent) for run in found.runs if run.camera in cameras]
    else:
        found = plan_with_begun(schedules, problems, now, (chosen, chosen))
        rows = list(PlannedRun.objects.filter(night=chosen, camera__in=list(cameras)))
        runs = _stored_runs(rows, cameras, recent)
        losers = _without_row([*losers, *_not_planned(found)], rows)
    return Night(
        night=chosen,
        site=site,
        dry_run=is_dry,
        begin=begin,
        end=end,
        # Without it also on a date that the clocks of the site skipped.
        sky=sky_of_night(site, chosen) if site.latitude is not None and begin < end else None,
        runs=runs,
        without_run=_reasons([*found.losers, *losers], cameras, schedules),
        shortened=_reasons(found.shortened, cameras, schedules),
        room=_room([run for run in runs if not run.is_over]),
        telescopes=[] if is_dry else telescope_sentences(cameras.values()),
    )


def _unplannable(schedules: list[Schedule], problems: Problems, night: date) -> list[Loser]:
    return [
        Loser(str(schedule.pk), str(camera.pk), night, "unplannable", problems[schedule.pk])
        for schedule in schedules
        if schedule.pk in problems
        for camera in schedule.cameras.all()
    ]


def _not_planned(found: Plan) -> list[Loser]:
    """A site has just changed, or nothing plans."""
    return [Loser(run.schedule, run.camera, run.night, "not_planned", NOT_PLANNED) for run in found.runs]


def _without_row(losers: list[Loser], rows: list[PlannedRun]) -> list[Loser]:
    stored = {(str(row.schedule_id), str(row.camera_id)) for row in rows}
    return [one for one in dict.fromkeys(losers) if (one.schedule, one.camera) not in stored]


def _stored_runs(rows: list[PlannedRun], cameras: dict[str, Camera], recent: Recent) -> list[Run]:
    states = dict(Session.objects.filter(pk__in=[row.pk for row in rows]).values_list("pk", "state"))
    return [_stored_run(row, cameras[str(row.camera_id)], states.get(row.pk, "planned"), recent) for row in rows]


def _stored_run(row: PlannedRun, camera: Camera, state: str, recent: Recent) -> Run:
    windows = [(datetime.fromisoformat(begin), datetime.fromisoformat(end)) for begin, end in row.windows]
    amount = expected_amount(camera, row.programme, windows, recent(camera))
    return Run(camera, row.name, windows, row.programme, amount, str(row.pk), state)


def _dry_run(run: Any, cameras: dict[str, Camera], schedules: list[Schedule], recent: Recent) -> Run:
    camera, schedule = cameras[run.camera], next(one for one in schedules if str(one.pk) == run.schedule)
    programme = programme_for(schedule, camera)
    amount = expected_amount(camera, programme, run.windows, recent(camera))
    return Run(camera, run.name, list(run.windows), programme, amount)


def _reasons(losers: list[Loser], cameras: dict[str, Camera], schedules: list[Schedule]) -> list[Reason]:
    names = {str(schedule.pk): schedule.name for schedule in schedules}
    return [
        Reason(cameras[loser.camera], names[loser.schedule], loser.reason, loser.message)
        for loser in losers
        if loser.camera in cameras and loser.reason != "begun"
    ]


def _room(runs: list[Run]) -> list[Room]:
    by_camera: dict[str, list[Run]] = {}
    for run in runs:
        by_camera.setdefault(run.camera.slug, []).append(run)
    return [
        Room(camera=slug, needed_bytes=_total([run.amount.bytes for run in own]), free_bytes=free_bytes(own[0].camera))
        for slug, own in by_camera.items()
    ]


def room_line(room: Room) -> str:
    needed, free = room.needed_bytes, room.free_bytes
    need = "the size of its pictures is not known yet" if needed is None else f"needs {format_bytes(needed)}"
    left = "" if free is None else f"; {format_bytes(free)} free on its disk"
    return f"{room.camera}: {need}{left}."


def _total(sizes: list[int | None]) -> int | None:
    return None if None in sizes else sum(filter(None, sizes))
