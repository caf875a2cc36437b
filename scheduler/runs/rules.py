"""Rows of schedules as rules for the planner."""

from __future__ import annotations

from collections.abc import Iterable

from cameras.models import Camera
from scheduler.planning.rules import Change, ClockRule, MoonRule, ScheduleRule, SunRule
from scheduler.schedules.models import WEEKDAYS, NightChange, Schedule

SAME = ("name", "programme", "first_night", "last_night", "priority", "enabled", "on_held", "created_by")
"""What a rule has as the row has it."""


def schedule_rule(schedule: Schedule, cameras: Iterable[Camera]) -> ScheduleRule:
    return ScheduleRule(
        id=str(schedule.pk),
        cameras=tuple(str(camera.pk) for camera in cameras),
        window=_window(schedule),
        moon=_moon(schedule),
        weekdays=frozenset(WEEKDAYS.index(day) for day in schedule.weekdays or WEEKDAYS),
        **{name: getattr(schedule, name) for name in SAME},
    )


def _window(schedule: Schedule) -> SunRule | ClockRule:
    window = schedule.window
    if "sun" not in window:
        return ClockRule(begin=window["begin"], end=window["end"])
    return SunRule(
        altitude=window["sun"],
        begin_offset_s=window.get("begin_offset_s", 0.0),
        end_offset_s=window.get("end_offset_s", 0.0),
    )


def _moon(schedule: Schedule) -> MoonRule | None:
    moon = schedule.moon
    return MoonRule(max_phase=moon.get("max_phase"), max_altitude=moon.get("max_altitude")) if moon else None


def change_rules(change: NightChange, cameras: Iterable[Camera]) -> list[Change]:
    return [
        Change(
            schedule=str(change.schedule_id),
            camera=str(camera.pk),
            night=change.night,
            skip=change.skip,
            begin=change.begins_at,
            end=change.ends_at,
        )
        for camera in cameras
    ]
