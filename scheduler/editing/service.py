"""Adds, changes and removes schedules, and changes single nights of them; what a change means for the runs of its
night. After each change the runs are planned again: in a transaction of their own, as others must be able to write
meanwhile."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import uuid6
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from cameras.capture_options import check_options
from cameras.models import Camera
from cameras.selectors import cameras_for
from captures.sessions.models import ACTIVE, Session
from core.events.service import record_event
from core.resources.resource import body_of
from core.station_zone import reader_time_text
from scheduler.runs.models import PlannedRun
from scheduler.runs.replanning import LEAD, replan
from scheduler.runs.rules import night_range_of, present_night
from scheduler.schedules.descriptions import schedule_for
from scheduler.schedules.models import NightChange, Schedule
from scheduler.schedules.resource import NightRequest, ScheduleBody, ScheduleChange, ScheduleRequest


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


class ScheduleChanged(Exception):
    """Someone else has changed or removed the schedule meanwhile."""


def request_of(schedule: Schedule) -> dict[str, Any]:
    """What a request for the schedule as it is would have."""
    body = body_of(ScheduleBody, schedule)
    return {name: body[name] for name in ScheduleRequest.model_fields}


def schedule_version(schedule: Schedule) -> str:
    """Another text whenever one of the fields that people set is another. Without the changes of single nights."""
    return hashlib.sha256(json.dumps(request_of(schedule), sort_keys=True).encode()).hexdigest()[:16]


def _read(schedule: UUID) -> QuerySet[Schedule]:
    return Schedule.objects.prefetch_related("cameras", "changes").filter(pk=schedule)


class ScheduleService:
    """`user` decides which cameras it may use: a schedule with another one does not exist. `actor` is for events."""

    def __init__(self, user: Any, actor: str, replan: Callable[[], object] = replan) -> None:
        """`replan`: called after each change. Who makes many changes plans once after them."""
        self._user, self._actor, self._replan = user, actor, replan

    def add(self, request: ScheduleRequest, new_id: UUID | None = None) -> Schedule:
        """ValidationError with a sentence for each field; then nothing is changed. `new_id` becomes its id; a schedule
        that has this id already is returned as it is."""
        if new_id and (added := _read(new_id).first()):
            return added
        added = self._store(Schedule(id=new_id or uuid6.uuid7(), created_by=self._actor), request, "schedule.added")
        self._replan()
        return added

    def change(self, schedule: Schedule, request: ScheduleRequest, version: str | None = None) -> Schedule:
        """The schedule is as in the request from now on. A run that has begun keeps its programme and its window.

        `version`: of the schedule that the user has seen. ScheduleChanged if it is another one by now."""
        with transaction.atomic():
            if version is not None:
                present = Schedule.objects.select_for_update().filter(pk=schedule.pk).first()
                if present is None or schedule_version(present) != version:
                    raise ScheduleChanged
            changed = self._change(schedule, request)
        self._replan()
        return changed

    def change_given(self, schedule: Schedule, wanted: ScheduleChange) -> Schedule:
        """What is not given stays as it is now, also where someone else has changed it since `schedule` was read.
        pydantic.ValidationError; Schedule.DoesNotExist."""
        given = wanted.given()
        with transaction.atomic():
            present = Schedule.objects.select_for_update().get(pk=schedule.pk)
            request = ScheduleRequest.model_validate({**request_of(present), **given})
            changed = self._change(present, request)
        self._replan()
        return changed

    def remove(self, schedule: Schedule) -> None:
        """Its runs that have not begun are removed as well; a session that runs continues."""
        with transaction.atomic():
            self._check_seen(schedule)
            self._record("schedule.removed", schedule, "removed")
            schedule.delete()
        self._replan()

    def change_night(self, schedule: Schedule, request: NightRequest) -> ChangedNight:
        """The night with its runs before and after. A run that has begun keeps its times.

        ValidationError for a time that is not in the night, and for a night beyond the calendar."""
        night = request.night or present_night(schedule)
        try:
            begin, end = night_range_of(schedule, night)
        except OverflowError:
            raise ValidationError({"night": "It is at the end of the calendar."}) from None
        for name, at in (("begin", request.begin), ("end", request.end)):
            if at is not None and not begin <= at <= end:
                within = f"{reader_time_text(begin)} to {reader_time_text(end)}"
                raise ValidationError({name: f"It is not in the night of {night}, which is from {within}."})
        before = runs_of_night(schedule, night)
        with transaction.atomic():
            self._check_seen(schedule)
            change, _ = NightChange.objects.update_or_create(
                schedule=schedule, night=night,
                defaults={
                    "skip": request.skip, "begins_at": request.begin, "ends_at": request.end,
                    "changed_by": self._actor, "changed_at": timezone.now(),
                },
            )  # fmt: skip
            what = "skipped" if request.skip else "changed"
            self._record("schedule.night", schedule, f"{what} the night of {night} of")
        self._replan()
        return ChangedNight(change, before, runs_of_night(schedule, night))

    def restore_night(self, schedule: Schedule, night: date) -> None:
        """The night is as the schedule says again."""
        with transaction.atomic():
            self._check_seen(schedule)
            schedule.changes.filter(night=night).delete()
            self._record("schedule.night", schedule, f"restored the night of {night} of")
        self._replan()

    def _change(self, schedule: Schedule, request: ScheduleRequest) -> Schedule:
        self._check_seen(schedule)
        return self._store(schedule, request, "schedule.changed")

    def _store(self, schedule: Schedule, request: ScheduleRequest, kind: str) -> Schedule:
        cameras = self._cameras(request.cameras)
        # One that was never opened may be prepared: its process checks each capture again.
        for camera in [one for one in cameras if one.capabilities]:
            check_options(camera, request.programme.options, "programme.options")
        for name, value in request.stored().items():
            setattr(schedule, name, value)
        with transaction.atomic():
            self._save(schedule)
            schedule.cameras.set(cameras)
            self._record(kind, schedule, kind.partition(".")[2])
        return _read(schedule.pk).get()

    def _check_seen(self, schedule: Schedule) -> None:
        """Schedule.DoesNotExist for one with a camera that the user may not see."""
        schedule_for(self._user, schedule.pk)

    def _cameras(self, slugs: list[str]) -> list[Camera]:
        found = {camera.slug: camera for camera in cameras_for(self._user).filter(slug__in=slugs)}
        missing = [slug for slug in slugs if slug not in found]
        if missing:
            raise ValidationError({"cameras": f"There is no camera {missing[0]!r}."})
        return [found[slug] for slug in slugs]

    @staticmethod
    def _save(schedule: Schedule) -> None:
        # The database decides about the name: a query could not exclude a second request of the same moment.
        try:
            with transaction.atomic():
                schedule.save()
        except IntegrityError:
            raise ValidationError({"name": f"There is a schedule {schedule.name!r} already."}) from None

    def _record(self, kind: str, schedule: Schedule, verb: str) -> None:
        message = f"{self._actor or 'Someone'} {verb} the schedule {schedule.name!r}."
        # Who may not see one of them does not see the schedule either.
        record_event(kind, message, camera=list(schedule.cameras.all()), actor=self._actor, subject=schedule.pk)
