"""Schedules and planned runs as JSON."""

from __future__ import annotations

import hashlib
import json
from typing import Any, TypedDict

from core.times.timestamps import stamp, stamp_or_none
from scheduler.schedules.models import NightChange, Schedule


class NightChangeBody(TypedDict):
    night: str
    skip: bool
    begin: str | None
    end: str | None
    changed_by: str


class ScheduleBody(TypedDict):
    id: str
    name: str
    enabled: bool
    priority: int
    cameras: list[str]
    programme: dict[str, Any]
    window: dict[str, Any]
    moon: dict[str, Any] | None
    weekdays: list[str]
    first_night: str | None
    last_night: str | None
    on_held: str
    changes: list[NightChangeBody]
    created_by: str
    created: str


def schedule_url(schedule: object) -> str:
    return f"/api/v1/schedules/{schedule}/"


def schedule_body(schedule: Schedule) -> ScheduleBody:
    """From a row with its cameras and changes."""
    return ScheduleBody(
        id=str(schedule.pk),
        name=schedule.name,
        enabled=schedule.enabled,
        priority=schedule.priority,
        cameras=sorted(camera.slug for camera in schedule.cameras.all() if camera.removed_at is None),
        programme=schedule.programme,
        window=schedule.window,
        moon=schedule.moon,
        weekdays=schedule.weekdays,
        first_night=schedule.first_night.isoformat() if schedule.first_night else None,
        last_night=schedule.last_night.isoformat() if schedule.last_night else None,
        on_held=schedule.on_held,
        changes=[night_change_body(change) for change in schedule.changes.all()],
        created_by=schedule.created_by,
        created=stamp(schedule.created_at),
    )


def schedule_version(schedule: Schedule) -> str:
    """Another text whenever one of the fields that people set is another. Without the changes of single nights."""
    body = {**schedule_body(schedule), "changes": []}
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]


def night_change_body(change: NightChange) -> NightChangeBody:
    return NightChangeBody(
        night=change.night.isoformat(),
        skip=change.skip,
        begin=stamp_or_none(change.begins_at),
        end=stamp_or_none(change.ends_at),
        changed_by=change.changed_by,
    )
