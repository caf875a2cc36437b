"""Times as people write them: a date and time, a clock time, a duration from now, or sunrise, sunset, dawn and dusk.
On pages, command line and in the configuration the form is `2026-11-21 02:07:10`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo

from core.times.durations import InvalidDuration, parse_duration
from core.times.sun import EVENTS, SET_THE_SITE, NoSunEvent, next_sun_event

CALENDAR_DATE = r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
TIME = r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?"
ZONE = r"(Z|UTC|[+-][0-9]{2}:?[0-9]{2})"
# ASCII, because IGNORECASE otherwise also takes letters such as the long s for those of the pattern.
DATE_TIME = re.compile(rf"{CALENDAR_DATE}(?:(?:\s+|T){TIME}\s*{ZONE}?)?", re.ASCII | re.IGNORECASE)
NAMED = re.compile(rf"(?P<plain>{CALENDAR_DATE}\s+{TIME})\s+(?P<zone>\S+)", re.ASCII)
"""With the name that clocks have for their zone, such as CET or -03."""


class InvalidDateTime(ValueError):
    """The message says what is wrong and what to write."""


def parse_datetime(text: str) -> datetime:
    """The date and time of `2026-11-21 02:07:10`. Seconds are optional; a date without a time means midnight.

    The result is naive unless `Z`, `UTC` or an offset such as `+01:00` follows. `T` may replace the space. Raises
    InvalidDateTime.
    """
    plain = text.strip()
    match = DATE_TIME.fullmatch(plain)
    if match is None:
        raise InvalidDateTime(f"{plain[:40]!r} is not a date and time. Write it as 2026-11-21 02:07:10.")
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    # Up to nine digits are accepted, as other programs write nanoseconds; the rest is cut off.
    microsecond = int((fraction or "0")[:6].ljust(6, "0"))
    try:
        return datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            microsecond,
            _zone(zone),
        )
    except ValueError as error:
        raise InvalidDateTime(f"There is no {plain}: {error}.") from None


def _zone(text: str | None) -> timezone | None:
    if text is None:
        return None
    if text.upper() in {"Z", "UTC"}:
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    return timezone((-1 if text[0] == "-" else 1) * timedelta(hours=hours, minutes=minutes))


def datetime_in_zone(text: str, zone: tzinfo) -> datetime:
    """The aware time of a date and time: in the zone that it names, else in `zone`. It may name `zone` as its clocks
    do, such as `2026-11-26 16:02:00 CET`, which is how commands and pages print times. Raises InvalidDateTime."""
    if named := NAMED.fullmatch(text.strip()):
        times = [parse_datetime(named["plain"]).replace(tzinfo=zone, fold=fold) for fold in (0, 1)]
        for at in times:
            if at.tzname() == named["zone"]:
                return at
    found = parse_datetime(text)
    return found if found.tzinfo else found.replace(tzinfo=zone)


CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?", re.ASCII)
DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
# Ends with a unit: `parse_duration` reads a plain number as seconds, which may be meant as a time of day here.
WITH_UNIT = re.compile(r"(?:in\s+|\+\s*)?(\d.*[a-z])", re.ASCII | re.IGNORECASE)
# Ten years with their leap days.
LONGEST_S = 3653 * 86_400


class InvalidTime(ValueError):
    """The message says what is wrong and what to write."""


@dataclass(frozen=True, slots=True)
class Location:
    """Degrees north and east. Sun events need both."""

    latitude: float | None
    longitude: float | None


@dataclass(frozen=True, slots=True)
class ParsedTime:
    """`at` is aware, in UTC. `words` describes a Sun event and is empty for other times."""

    at: datetime
    words: str = ""


def parse_time(text: str, now: datetime, zone: tzinfo, place: Location) -> ParsedTime:
    """The time of `06:30` (the next one), `2026-11-22 06:30`, `2 h` (from `now`, aware) or one of `sun.EVENTS`.

    A time without an offset is in `zone`. A date and time in the past is accepted. Raises InvalidTime.
    """
    plain = " ".join(text.split())
    if plain.lower() in EVENTS:
        return _sun_event_time(plain.lower(), now, place)
    if match := CLOCK.fullmatch(plain):
        return ParsedTime(_next_clock_time(time(int(match[1]), int(match[2]), int(match[3] or 0)), now, zone))
    if DATE.match(plain):
        return ParsedTime(_dated_time(plain, zone))
    return ParsedTime(_time_from_now(plain, now))


def _sun_event_time(name: str, now: datetime, place: Location) -> ParsedTime:
    if place.latitude is None or place.longitude is None:
        raise InvalidTime(
            f"{name.capitalize()} needs the place of the station. {SET_THE_SITE}, or write a time such as 06:30."
        )
    try:
        return ParsedTime(next_sun_event(name, now, place.latitude, place.longitude), EVENTS[name].words)
    except NoSunEvent as error:
        raise InvalidTime(str(error)) from None


def _next_clock_time(clock: time, now: datetime, zone: tzinfo) -> datetime:
    """The next time at which a clock in `zone` shows it."""
    today = now.astimezone(zone).date()
    # By the calendar and not 24 h later: a day on which the clocks change has 23 or 25 h.
    days = [today + timedelta(days=days) for days in range(3)]
    # Fold 1 is the second pass of an hour that comes twice. In an hour that is skipped it is earlier than fold 0, so it
    # is never the first one after now.
    found = (_combine(day, clock.replace(fold=fold), zone) for day in days for fold in (0, 1))
    return next(at for at in found if at > now)


def _combine(day: date, clock: time, zone: tzinfo) -> datetime:
    return datetime.combine(day, clock, zone).astimezone(UTC)


def _time_from_now(plain: str, now: datetime) -> datetime:
    match = WITH_UNIT.fullmatch(plain)
    if match is None:
        raise _invalid_time(plain)
    try:
        seconds = parse_duration(match[1])
    except InvalidDuration:
        raise _invalid_time(plain) from None
    if seconds > LONGEST_S:
        raise InvalidTime(f"{plain[:40]} is more than ten years. Write an earlier time, or leave it empty.")
    return (now + timedelta(seconds=seconds)).astimezone(UTC)


def _dated_time(plain: str, zone: tzinfo) -> datetime:
    try:
        return datetime_in_zone(plain, zone).astimezone(UTC)
    except InvalidDateTime as error:
        raise InvalidTime(str(error)) from None
    except (ValueError, OverflowError):
        raise InvalidTime(f"{plain} is out of range.") from None


def _invalid_time(plain: str) -> InvalidTime:
    return InvalidTime(
        f"{plain[:40]!r} is not a time. Write 06:30, 2 h, 2026-11-22 06:30, dawn, sunrise, sunset or dusk."
    )
