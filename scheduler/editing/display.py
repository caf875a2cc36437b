"""What the pages of schedules show: the list, each in sentences and with its next run; and the next nights of one
that is not stored: what it would run beside the others. Nothing is changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import uuid6
from django.utils import timezone

from cameras.models import Camera
from cameras.selectors import cameras_for
from captures.sessions.forecast import Amount, RecentPictures, expected_amount, recent_pictures, rounded
from captures.sessions.models import ACTIVE, Session
from core.sky.intervals import Interval, clip
from core.templatetags.skycam import format_bytes
from core.text.sentences import pluralize
from scheduler.planning.planner import plan
from scheduler.planning.rules import FixedRun, Plan, RunPlan, Site
from scheduler.planning.sky import NightSky, sky_of_night
from scheduler.planning.windows import times_text
from scheduler.runs.models import PlannedRun
from scheduler.runs.replanning import LEAD, fixed_runs, plan_with_begun
from scheduler.runs.rules import (
    change_rules,
    night_at,
    planning_problems,
    programme_for,
    schedule_rule,
    sites_of,
    station_site,
)
from scheduler.schedules.descriptions import (
    days_sentence,
    moon_sentence,
    programme_sentence,
    schedules_for,
    window_sentence,
)
from scheduler.schedules.models import NightChange, Schedule
from scheduler.schedules.resource import ScheduleRequest
from scheduler.tonight.drawing import Drawing, drawing_of
from scheduler.tonight.night import Night, Run

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


MOST_DRAWN = 8
"""Cameras of a night that are drawn."""
NOTHING = Amount(0, None)


@dataclass(frozen=True, slots=True)
class PreviewNight:
    night: date
    drawing: Drawing
    sentence: str
    """`18:18 to 05:41, about 680 pictures, 5 GB.`, or why there is no run."""
    runs: bool
    losses: list[str]
    """Why a camera has no run, or a shorter one."""


@dataclass(frozen=True, slots=True)
class Preview:
    nights: list[PreviewNight]
    time_zone: str
    cameras_not_drawn: int

    @property
    def sentence(self) -> str:
        """`It runs in 5 of the next 7 nights.`, or that it runs in none."""
        number = sum(night.runs for night in self.nights)
        if not number:
            return f"Nothing runs in the next {NIGHTS} nights."
        return f"It runs in {number} of the next {NIGHTS} nights."


def preview_of(user: Any, request: ScheduleRequest, schedule: Schedule | None, now: datetime) -> Preview:
    """`schedule` is the stored one that the request would change; None for a new one."""
    cameras = list(cameras_for(user).filter(slug__in=request.cameras))
    sites = sites_of(cameras)
    site = sites[cameras[0].pk] if cameras else station_site()
    draft = Schedule(pk=schedule.pk if schedule else uuid6.uuid7(), **request.stored())
    first = night_at(site, now)
    nights = [first + timedelta(days=number) for number in range(NIGHTS)]
    rows = Schedule.objects.exclude(pk=draft.pk).filter(cameras__in=cameras).distinct().prefetch_related("cameras")
    # Those that cannot be planned keep the runs that they have. One of them must not keep people from their forms.
    problems = planning_problems(rows)
    others = [one for one in rows if one.pk not in problems]
    fixed = [run for run in fixed_runs(now, problems) if run.camera in {str(camera.pk) for camera in cameras}]
    found = _plan(draft, others, cameras, sites, nights, now, fixed)
    drawn = _Painter(draft, cameras, site, now, found, fixed)
    return Preview([drawn.night(night) for night in nights], site.time_zone, max(0, len(cameras) - MOST_DRAWN))


def _plan(
    draft: Schedule,
    others: list[Schedule],
    cameras: list[Camera],
    sites: dict[Any, Site],
    nights: list[date],
    now: datetime,
    fixed: list[FixedRun],
) -> Plan:
    """Of the draft, and of other schedules on its cameras."""
    wanted = {camera.pk for camera in cameras}
    rules = [schedule_rule(draft, cameras)]
    rules += [schedule_rule(one, [camera for camera in one.cameras.all() if camera.pk in wanted]) for one in others]
    changes = NightChange.objects.filter(
        schedule__in=[draft.pk, *(one.pk for one in others)], night__range=(nights[0], nights[-1])
    )
    return plan(
        schedules=rules,
        changes=[change for row in changes for change in change_rules(row, cameras)],
        site_of={str(pk): site for pk, site in sites.items()},
        first_night=nights[0],
        last_night=nights[-1],
        now=now + LEAD,
        fixed=fixed,
    )


class _Painter:
    """Makes the nights of one preview; sizes of pictures are read once for each camera."""

    def __init__(
        self,
        draft: Schedule,
        cameras: list[Camera],
        site: Site,
        now: datetime,
        found: Plan,
        fixed: list[FixedRun],
    ) -> None:
        self.draft, self.site, self.now, self.found, self.fixed = draft, site, now, found, fixed
        self.cameras = {str(camera.pk): camera for camera in cameras}
        self.drawn = {str(camera.pk) for camera in cameras[:MOST_DRAWN]}
        self._recent: dict[str, RecentPictures] = {}

    def night(self, night: date) -> PreviewNight:
        own = [run for run in self.found.runs if self._is_own(run, night)]
        begun = [run for run in self.fixed if self._is_own(run, night) and run.windows]
        losers = [one for one in (*self.found.losers, *self.found.shortened) if self._is_own(one, night)]
        losses = list(dict.fromkeys(self._loss(one.camera, one.message) for one in losers if one.reason != "begun"))
        runs = [*([self._begun_sentence(begun)] if begun else []), *([self._sentence(own)] if own else [])]
        return PreviewNight(
            night=night,
            drawing=drawing_of(self._drawn_night(night), self.now),
            sentence=" ".join(runs or losses),
            runs=bool(runs),
            losses=losses if runs else [],
        )

    def _is_own(self, one: Any, night: date) -> bool:
        return bool(one.night == night and one.schedule == str(self.draft.pk))

    def _loss(self, camera: str, message: str) -> str:
        return message if len(self.cameras) == 1 else f"{self.cameras[camera].name}: {message}"

    def _begun_sentence(self, begun: list[FixedRun]) -> str:
        windows = sorted({window for run in begun for window in _used(run)})
        if all(run.ended is not None for run in begun):
            return f"It has ended: {times_text(windows, self.site)}." if windows else "It has ended."
        return f"It has begun and keeps its times: {times_text(windows, self.site)}."

    def _sentence(self, own: list[RunPlan]) -> str:
        amounts = [self._amount(run) for run in own]
        windows = sorted({window for run in own for window in run.windows})
        pictures = rounded(float(sum(amount.pictures for amount in amounts)))
        sizes = [amount.bytes for amount in amounts]
        size = "" if None in sizes else f", {format_bytes(rounded(float(sum(filter(None, sizes)))))}"
        return f"{times_text(windows, self.site)}, about {pluralize(pictures, 'picture')}{size}."

    def _amount(self, run: RunPlan) -> Amount:
        camera = self.cameras[run.camera]
        if run.camera not in self._recent:
            self._recent[run.camera] = recent_pictures(camera)
        return expected_amount(camera, programme_for(self.draft, camera), run.windows, self._recent[run.camera])

    def _drawn_night(self, night: date) -> Night:
        begin, end = self.site.night_range(night)
        return Night(
            night=night, site=self.site, dry_run=True, begin=begin, end=end, sky=self._sky(night),
            runs=[*self._planned(night), *self._begun(night)], without_run=[], shortened=[], room=[],
        )  # fmt: skip

    def _sky(self, night: date) -> NightSky | None:
        begin, end = self.site.night_range(night)
        return sky_of_night(self.site, night) if self.site.latitude is not None and begin < end else None

    def _planned(self, night: date) -> Iterable[Run]:
        for run in self.found.runs:
            if run.night == night and run.camera in self.drawn:
                state = "planned" if run.schedule == str(self.draft.pk) else "other"
                yield Run(self.cameras[run.camera], run.name, list(run.windows), {}, NOTHING, state=state)

    def _begun(self, night: date) -> Iterable[Run]:
        for run in self.fixed:
            if run.night == night and run.camera in self.drawn and (windows := _used(run)):
                state = "running" if run.schedule == str(self.draft.pk) else "other"
                yield Run(self.cameras[run.camera], run.name, windows, {}, NOTHING, state=state)


def _used(run: FixedRun) -> list[Interval]:
    """Its windows, until its session has ended."""
    return clip(sorted(run.windows), run.begin, run.free_from) if run.windows else []
