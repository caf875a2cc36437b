"""The schedules that a user may see: those of which every camera is visible to them. Each in sentences, for pages,
and its programme, validated before a row is written."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet
from pydantic import ValidationError, field_validator

from cameras.models import Camera
from cameras.programmes.kinds import describe_exposures
from cameras.selectors import hidden_ids
from cameras.spool.records import Programme
from captures.sessions.forecast import length
from captures.sessions.requests import SessionRequest
from scheduler.planning.windows import WEEKDAYS
from scheduler.schedules.models import WEEKDAYS as SHORT
from scheduler.schedules.models import Schedule
from scheduler.schedules.resource import TWILIGHTS


class ScheduleProgramme(SessionRequest):
    """As for a session, without the fields that the schedule decides."""

    @field_validator("until", "windows", "name")
    @classmethod
    def _refuse_times(cls, value: Any) -> Any:
        if value:
            raise ValueError("belongs to the schedule: its window says when it captures, and it has a name.")
        return value


def schedules_for(user: Any) -> QuerySet[Schedule]:
    schedules = Schedule.objects.prefetch_related("cameras", "changes")
    if not (user.is_authenticated and user.may("viewer")):
        return schedules.none()
    hidden = hidden_ids(user)
    return schedules.exclude(cameras__in=hidden) if hidden else schedules


def schedule_for(user: Any, schedule: UUID) -> Schedule:
    """Schedule.DoesNotExist also for one with a camera that the user may not see."""
    return schedules_for(user).get(pk=schedule)


OF_TWILIGHT = {
    "sunset": "from sunset to sunrise",
    "civil": "from the end of civil twilight to its begin",
    "nautical": "from the end of nautical twilight to its begin",
    "astronomical": "while it is astronomically dark",
}


def window_sentence(window: dict[str, Any]) -> str:
    """`While it is astronomically dark; begins 30 min later.`"""
    if "sun" not in window:
        return f"From {window['begin']} to {window['end']}."
    name = next((name for name, altitude in TWILIGHTS.items() if altitude == window["sun"]), None)
    words = OF_TWILIGHT[name] if name else f"while the Sun is below {window['sun']:g}°"
    offsets = [
        f"{verb} {length(abs(seconds))} {'later' if seconds > 0 else 'earlier'}"
        for verb, seconds in (("begins", window.get("begin_offset_s")), ("ends", window.get("end_offset_s")))
        if seconds
    ]
    return sentence(words, " and ".join(offsets))


def moon_sentence(moon: dict[str, Any] | None) -> str:
    """`Only while at most 50 % of the Moon are lit, or it is below 10°.` Empty without a rule."""
    if not moon:
        return ""
    parts = []
    if moon.get("max_phase") is not None:
        parts.append(f"at most {100 * moon['max_phase']:g} % of the Moon's disc are lit")
    if moon.get("max_altitude") is not None:
        parts.append(f"the Moon is at most {moon['max_altitude']:g}° high")
    return f"Only while {' or '.join(parts)}."


def days_sentence(schedule: Schedule) -> str:
    """`Fridays, Saturdays; from 2027-03-01.` Empty for every night."""
    days = ", ".join(WEEKDAYS[number] for number, day in enumerate(SHORT) if day in schedule.weekdays)
    first = f"from {schedule.first_night}" if schedule.first_night else ""
    last = f"until {schedule.last_night}" if schedule.last_night else ""
    return sentence(days, " ".join(filter(None, [first, last])))


def programme_sentence(stored: dict[str, Any]) -> str:
    """`8 s every 12 s.`, of a stored programme, which may lack the default values."""
    programme = ScheduleProgramme.model_validate(stored).programme(Camera())
    exposures = describe_exposures(cast(Programme, programme))
    cadence_s, delay_s, count = (programme.get(name) for name in ("cadence_s", "delay_s", "count"))
    pauses = f"every {length(cadence_s)}" if cadence_s else f"with pauses of {length(delay_s or 0)}"
    return f"{exposures} {pauses}{f', {count} times' if count else ''}."


def captures_sentence(stored: dict[str, Any]) -> str:
    """Also of one that an older version has stored, which may not be valid any more."""
    try:
        return programme_sentence(stored)
    except ValidationError:
        return "They are not valid any more: `skycam schedules change` sets them."


def changes_text(changes: list[dict[str, Any]]) -> str:
    return ", ".join(f"{change['night']} {'skipped' if change['skip'] else 'changed'}" for change in changes)


def sentence(*parts: str) -> str:
    """The parts that are not empty, with a capital letter and a full stop; empty without one."""
    text = "; ".join(filter(None, parts))
    return f"{text[0].upper()}{text[1:]}." if text else ""
