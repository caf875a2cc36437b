"""The clocks of a site: windows by them, and times as they show them. A time that the clocks skip is the moment at
which they skip it. A time that they show twice is the first of both. So a later time of day is never an earlier
moment, and the windows of one schedule on two days never overlap."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class SiteClock:
    """`begin` and `end` of the night decide whether its clocks change."""

    zone: ZoneInfo
    begin: datetime
    end: datetime

    def zone_name(self, at: datetime) -> str:
        """`CET`."""
        return at.astimezone(self.zone).tzname() or "UTC"

    @property
    def changes(self) -> bool:
        """Whether an hour of the clock is skipped or comes twice."""
        return self.zone_name(self.begin) != self.zone_name(self.end)

    @property
    def name(self) -> str:
        """`CET, Europe/Berlin`; both names in a night in which the clocks change."""
        first, last = self.zone_name(self.begin), self.zone_name(self.end)
        names = f"{first}, then {last}" if self.changes else first
        return names if names == self.zone.key else f"{names}, {self.zone.key}"

    def short(self, at: datetime) -> str:
        """`02:07`."""
        return f"{at.astimezone(self.zone):%H:%M}"

    def time(self, at: datetime) -> str:
        """`02:07:10`, with the zone in a night in which the clocks change."""
        local = at.astimezone(self.zone)
        return f"{local:%H:%M:%S} {local.tzname()}" if self.changes else f"{local:%H:%M:%S}"

    def whole(self, at: datetime) -> str:
        """`2026-11-22 06:30:00 CET`."""
        local = at.astimezone(self.zone)
        return f"{local:%Y-%m-%d %H:%M:%S} {local.tzname()}"
