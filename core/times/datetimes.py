"""Dates and times as people write them. The form is `2026-11-21 02:07:10` on pages, command line and configuration."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

DATE = r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
TIME = r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?"
ZONE = r"(Z|UTC|[+-][0-9]{2}:?[0-9]{2})"
# ASCII, because IGNORECASE otherwise also takes letters such as the long s for those of the pattern.
DATE_TIME = re.compile(rf"{DATE}(?:(?:\s+|T){TIME}\s*{ZONE}?)?", re.ASCII | re.IGNORECASE)
NAMED = re.compile(rf"(?P<plain>{DATE}\s+{TIME})\s+(?P<zone>\S+)", re.ASCII)
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
