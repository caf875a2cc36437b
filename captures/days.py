"""The days and nights by which pages show files, and the moments and days in addresses of pages."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from uuid import UUID

from django.utils import timezone

from captures.paths import Site, night_of, night_range
from core.api.queries import Cursor
from core.station_settings import site_config
from core.station_zone import reader_datetime
from core.times.time_parsing import InvalidDateTime

By = Literal["night", "day"]
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
# Years away from the ends of the calendar: the day after, in any time zone, is a datetime too.
FIRST, LAST = date(1970, 1, 1), date(9000, 12, 31)


def station_site() -> Site:
    site = site_config()
    return Site(site.latitude, site.longitude, site.time_zone)


@dataclass(frozen=True, slots=True)
class Day:
    """One night of the station, or one day in the reader's time zone."""

    date: date
    by: By

    @classmethod
    def of(cls, at: datetime, by: By) -> Day:
        return cls(night_of(at, station_site()) if by == "night" else timezone.localtime(at).date(), by)

    @property
    def range(self) -> tuple[datetime, datetime]:
        """Begin (inclusive) and end (exclusive), in UTC."""
        if self.by == "night":
            return night_range(self.date, station_site())
        return midnight(self.date), midnight(self.date + DAY)

    def at(self, clock: time) -> datetime:
        """The time of this day at which the reader's clock shows `clock`, in UTC."""
        begin, _ = self.range
        local = timezone.localtime(begin)
        found = local.replace(hour=clock.hour, minute=clock.minute, second=clock.second, microsecond=0)
        # A night begins about noon: an earlier time of the clock is that of the next day.
        return (found if found >= local else found + DAY).astimezone(UTC)

    @property
    def hour_ranges(self) -> list[tuple[datetime, datetime]]:
        """The range of each of its `hours`, limited to the day."""
        starts = [self.at(hour) for hour in self.hours]
        # When the clocks change, an hour may begin after the end of the day: its range is empty.
        return [(start, max(start, min(start + HOUR, self.range[1]))) for start in starts]

    @property
    def hours(self) -> list[time]:
        """The 24 hours from the day's begin, by the reader's clock."""
        begin, _ = self.range
        first = timezone.localtime(begin).hour
        return [time((first + number) % 24) for number in range(24)]


def midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time())).astimezone(UTC)


def days_of_month(month: date, by: By) -> list[Day]:
    count = calendar.monthrange(month.year, month.month)[1]
    return [Day(month.replace(day=number + 1), by) for number in range(count)]


def next_month(month: date, by: int) -> date:
    number = month.year * 12 + month.month - 1 + by
    return date(number // 12, number % 12 + 1, 1)


def now() -> datetime:
    return datetime.now(UTC)


def parse_moment(text: str) -> datetime | None:
    """A time with its zone, or a time of the reader's clock. None for an invalid time and for one
    beyond the calendar."""
    try:
        return reader_datetime(text)
    except InvalidDateTime:
        return None


def parse_day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if FIRST <= found <= LAST else None


def parse_clock(text: str) -> time | None:
    """None also for a time with an offset: it is one of another clock."""
    try:
        found = time.fromisoformat(text)
    except ValueError:
        return None
    return None if found.tzinfo else found


def parse_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def parse_cursor(text: str) -> Cursor | None:
    try:
        return Cursor.parse(text)
    except ValueError:
        return None
