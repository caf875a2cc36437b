"""Fields and nights for tests: La Silla on 2026-11-20, with the Sun 12° low from 00:17 to 08:38 UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime

from scheduler.telescope.night.field_file import ListedField, parse_field_file
from scheduler.telescope.night.night import Night, night_of
from scheduler.telescope.night.progress import FieldState, begin_night
from scheduler.telescope.night.sky import TelescopeSite, julian_date

LA_SILLA = TelescopeSite()
NIGHT = night_of(LA_SILLA, date(2026, 11, 20))
SECOND_D = 1 / 86_400
MINUTE_D = 1 / 1440


def at(clock: str) -> float:
    """The Julian date of a time of NIGHT in UTC, from 12:00 of its evening on."""
    hour, minute = map(int, clock.split(":"))
    return julian_date(datetime(2026, 11, 20 if hour >= 12 else 21, hour, minute, tzinfo=UTC))


def listed(*lines: str) -> tuple[ListedField, ...]:
    parsed = parse_field_file("\n".join(lines))
    assert parsed.errors == ()
    return parsed.fields


def states_at(jd: float, *lines: str, night: Night = NIGHT) -> tuple[FieldState, ...]:
    """Of fields whose states are decided at `jd`."""
    return begin_night(listed(*lines), night, jd)


def state_at(jd: float, line: str, night: Night = NIGHT) -> FieldState:
    (state,) = states_at(jd, line, night=night)
    return state
