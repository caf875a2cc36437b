"""Plans the runs of the next nights again, and stores them. The agendas of the cameras follow from the rows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from cameras.models import Camera
from captures.sessions.models import ACTIVE, Session
from core.slices import delete_in_slices
from core.times.timestamps import stamp
from scheduler.planning.planner import plan
from scheduler.planning.rules import Change, FixedRun, Plan, RunPlan, ScheduleRule, Site
from scheduler.runs.models import PlannedRun
from scheduler.runs.rules import (
    Problems,
    change_rules,
    planning_problems,
    programme_for,
    report_problems,
    rule_problems,
    schedule_rule,
    sites_of,
)
from scheduler.schedules.models import NightChange, Schedule

NIGHTS_AHEAD = 3
"""Nights after the present one: an agenda reaches 48 hours."""
LEAD = timedelta(seconds=5)
"""A run that is planned inside of its window begins this much later: its agenda must reach the camera process first.
For the same time before its begin a run no longer changes."""
RECENT = timedelta(days=2)
"""Runs that ended longer ago have no effect on a plan."""
TRIES = 3
KEPT = timedelta(days=400)
"""How long after its end a run is kept: reports of nights compare with it."""


COLUMNS = (
    "schedule_id", "camera_id", "night", "part", "name", "programme", "windows", "begins_at", "ends_at", "created_by",
    "on_held",
)  # fmt: skip
"""Those that follow from the plan."""


class Key(NamedTuple):
    """What identifies a run while it is planned again."""

    schedule: str
    camera: str
    night: date
    part: int


def replan(now: datetime | None = None) -> Plan:
    """Store the runs from the last night to NIGHTS_AHEAD. A run keeps its id while its schedule, camera and night stay;
    one that has begun does not change, nor do those of a schedule that cannot be planned. Returns the plan, with the
    reasons of those that lost.

    Planning a hundred schedules takes 0.4 s. So the plan is made first, and the transaction that stores it first
    compares what it was made from: if that has changed, the plan is made again."""
    now = now or timezone.now()
    delete_in_slices(PlannedRun.objects.filter(ends_at__lt=now - KEPT))
    for _ in range(TRIES):
        basis, made = _basis(now), _make_plan(now)
        with transaction.atomic():
            if _basis(now) == basis:
                _store(made)
                return made.plan
    # Others change schedules all the time: they wait.
    with transaction.atomic():
        made = _make_plan(now)
        _store(made)
    return made.plan


def _basis(now: datetime) -> list[Any]:
    """All that the plan depends on and that requests and cameras change."""
    runs = PlannedRun.objects.filter(ends_at__gt=now - RECENT)
    queries: list[QuerySet[Any]] = [
        # Locked: of two that plan at once, the second sees the rows of the first.
        Schedule.objects.select_for_update() if connection.in_atomic_block else Schedule.objects.all(),
        Schedule.cameras.through.objects.all(),
        NightChange.objects.filter(night__gte=(now - RECENT).date()),
        runs,
    ]
    found: list[Any] = [list(query.order_by("pk").values_list()) for query in queries]
    found.append(list(Camera.objects.order_by("pk").values_list("pk", "host", "removed_at")))
    sessions = Session.objects.filter(pk__in=runs.order_by().values("pk"))
    found.append(list(sessions.order_by("pk").values_list("pk", "state", "ended_at")))
    return found


class _MadePlan(NamedTuple):
    """What is to be stored."""

    plan: Plan
    problems: Problems
    schedules: list[Schedule]
    changed: list[PlannedRun]
    """The rows that are new or other than they were."""
    gone: list[UUID]


def _make_plan(now: datetime) -> _MadePlan:
    schedules = list(Schedule.objects.prefetch_related("cameras"))
    rows = list(PlannedRun.objects.filter(ends_at__gt=now - RECENT).select_related("camera"))
    begun, problems = _begun(rows, now), planning_problems(schedules)
    stays = {row.pk for row in rows if row.pk in begun or row.schedule_id in problems}
    plannable = [schedule for schedule in schedules if schedule.pk not in problems]
    found = plan_nights(plannable, now, _fixed_runs([row for row in rows if row.pk in stays]))
    changed, gone = _differences(found.runs, [row for row in rows if row.pk not in stays], plannable)
    return _MadePlan(found, problems, schedules, changed, gone)


def plan_with_begun(schedules: list[Schedule], problems: Problems, now: datetime, nights: tuple[date, date]) -> Plan:
    """The plan of `nights` beside the runs that `replan` does not change. `problems` are those of all `schedules`.
    Nothing is stored."""
    plannable = [schedule for schedule in schedules if schedule.pk not in problems]
    return plan_nights(plannable, now, fixed_runs(now, problems), nights)


def fixed_runs(now: datetime, problems: Problems) -> list[FixedRun]:
    """The runs of the last days that have begun, and those of schedules that cannot be planned."""
    rows = list(PlannedRun.objects.filter(ends_at__gt=now - RECENT))
    begun = _begun(rows, now)
    return _fixed_runs([row for row in rows if row.pk in begun or row.schedule_id in problems])


def plan_nights(
    schedules: list[Schedule],
    now: datetime,
    fixed: Iterable[FixedRun] = (),
    nights: tuple[date, date] | None = None,
    place: Site | None = None,
) -> Plan:
    """The plan of `nights`, first and last; by default from the last night to NIGHTS_AHEAD, without the schedules that
    cannot be planned. `place`: instead of the sites of the cameras. Nothing is stored."""
    problems = rule_problems(schedules)
    schedules = [schedule for schedule in schedules if schedule.pk not in problems]
    cameras = {camera.pk: camera for schedule in schedules for camera in schedule.cameras.all()}
    today = now.date()
    first, last = nights or (today - timedelta(days=1), today + timedelta(days=NIGHTS_AHEAD))
    return plan(
        schedules=[_rule(schedule) for schedule in schedules],
        changes=_changes(schedules, first, last),
        site_of={str(pk): place or site for pk, site in sites_of(cameras.values()).items()},
        first_night=first,
        last_night=last,
        now=now + LEAD,
        fixed=list(fixed),
    )


def _rule(schedule: Schedule) -> ScheduleRule:
    return schedule_rule(schedule, [camera for camera in schedule.cameras.all() if camera.removed_at is None])


def _changes(schedules: list[Schedule], first: date, last: date) -> list[Change]:
    cameras = {schedule.pk: list(schedule.cameras.all()) for schedule in schedules}
    rows = NightChange.objects.filter(schedule__in=list(cameras), night__range=(first, last))
    return [rule for row in rows for rule in change_rules(row, cameras[row.schedule_id])]


def _begun(rows: list[PlannedRun], now: datetime) -> set[UUID]:
    """The runs that have begun, as far as the database knows, or that their camera may have begun by now."""
    sessions = set(Session.objects.filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True))
    return sessions | {row.pk for row in rows if row.begins_at <= now + LEAD}


def _fixed_runs(rows: list[PlannedRun]) -> list[FixedRun]:
    ended = Session.objects.filter(pk__in=[row.pk for row in rows]).exclude(state__in=ACTIVE)
    ended_at = dict(ended.values_list("pk", "ended_at"))
    return [_fixed(row, ended_at.get(row.pk)) for row in rows]


def _fixed(row: PlannedRun, ended: datetime | None) -> FixedRun:
    return FixedRun(
        camera=str(row.camera_id),
        windows=tuple((datetime.fromisoformat(begin), datetime.fromisoformat(end)) for begin, end in row.windows),
        name=row.name,
        schedule=str(row.schedule_id or ""),
        night=row.night,
        part=row.part,
        ended=ended,
    )


def _key(row: PlannedRun) -> Key | None:
    return Key(str(row.schedule_id), str(row.camera_id), row.night, row.part) if row.night else None


def _differences(
    runs: Iterable[RunPlan], rows: list[PlannedRun], schedules: list[Schedule]
) -> tuple[list[PlannedRun], list[UUID]]:
    """What brings the rows that have not begun to the plan: rows to write, and those to remove."""
    known = {_key(row): row for row in rows}
    by_id = {str(schedule.pk): schedule for schedule in schedules}
    cameras = {str(camera.pk): camera for schedule in schedules for camera in schedule.cameras.all()}
    changed = []
    for run in runs:
        row = known.pop(Key(run.schedule, run.camera, run.night, run.part), None)
        fields = _fields(run, by_id[run.schedule], cameras[run.camera])
        if row is None:
            changed.append(PlannedRun(**fields))
        elif any(getattr(row, name) != value for name, value in fields.items()):
            changed.append(PlannedRun(id=row.pk, created_at=row.created_at, **fields))
    return changed, [row.pk for row in known.values()]


def _store(made: _MadePlan) -> None:
    PlannedRun.objects.bulk_create(
        made.changed, update_conflicts=True, unique_fields=["id"], update_fields=COLUMNS, batch_size=100
    )
    PlannedRun.objects.filter(pk__in=made.gone).delete()
    report_problems(made.problems, made.schedules)


def _fields(run: RunPlan, schedule: Schedule, camera: Camera) -> dict[str, Any]:
    return {
        "schedule_id": schedule.pk,
        "camera_id": camera.pk,
        "night": run.night,
        "part": run.part,
        "name": schedule.name,
        "programme": programme_for(schedule, camera),
        "windows": [[stamp(begin), stamp(end)] for begin, end in run.windows],
        "begins_at": run.begin,
        "ends_at": run.end,
        "created_by": schedule.created_by,
        "on_held": schedule.on_held,
    }
