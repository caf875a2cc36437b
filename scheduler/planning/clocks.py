"""Windows by the clocks of a time zone.

A time that the clocks skip is the moment at which they skip it. A time that they show twice is the first of both. So a
later time of day is never an earlier moment, and the windows of one schedule on two days never overlap.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.sky.intervals import Interval
from scheduler.planning.rules import ClockRule, Site

NOON = time(12)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def clock_window(rule: ClockRule, night: date, site: Site) -> Interval:
    """Begin and end in UTC of the window that belongs to `night`, which is named by the evening's date.

    A window that begins before noon and is over by noon is one of the next morning. Every other begins on the evening's
    date: 08:00 to 16:00 as well. Without a longitude a night is a calendar day, on which its window begins.
    """
    begin, end = rule.begin_time, rule.end_time
    is_morning = site.longitude is not None and begin < end <= NOON
    first = night + DAY if is_morning else night
    last = first if begin < end else first + DAY
    return utc_of_clock(first, begin, site.zone), utc_of_clock(last, end, site.zone)


def utc_of_clock(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """When the clocks of `zone` show `clock` on `day`."""
    shown = datetime.combine(day, clock, zone)
    at = shown.astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) == shown.replace(tzinfo=None):
        return at
    return _change_between(shown.replace(fold=1).astimezone(UTC), at, zone)


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The second at which the zone's offset becomes that of `after`."""
    offset = after.astimezone(zone).utcoffset()
    while after - before > SECOND:
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after
