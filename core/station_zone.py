"""Times for people: in the time zone of the station, and in the one that a reader has chosen, as they are shown and
as they are typed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property
from zoneinfo import ZoneInfo

from django.utils import timezone

from core.station_settings import site_config
from core.times.time_parsing import InvalidDateTime, parse_datetime
from core.times.zones import machine_zone_name


def reader_datetime(text: str) -> datetime:
    """The moment, in UTC, of a date and time in the reader's zone or in the one that it names.

    Raises InvalidDateTime, with a sentence for the reader; also for a moment that the reader's clock cannot show.
    """
    found = parse_datetime(text)
    try:
        moment = (timezone.make_aware(found) if found.tzinfo is None else found).astimezone(UTC)
        # The zone may move a moment at the end of the calendar beyond it; pages would fail to show it later.
        timezone.localtime(moment)
    except (ValueError, OverflowError):
        raise InvalidDateTime(f"{text.strip()} is beyond the calendar.") from None
    return moment


def station_zone_name() -> str:
    """The time zone of the site, else the machine's."""
    return str(site_config().time_zone or machine_zone_name())


def station_zone() -> ZoneInfo:
    return ZoneInfo(station_zone_name())


def site_time_text(at: datetime) -> str:
    """`2026-11-26 16:02:00 CET`, by the clock of the site: for sentences that are stored."""
    return f"{at.astimezone(station_zone()):%Y-%m-%d %H:%M:%S %Z}"


def reader_time_text(at: datetime) -> str:
    """`2026-11-26 16:02:00 CET`, for the sentences of an answer: by the clock that the reader of a page has chosen, by
    the site's on the command line, and in UTC in the API."""
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S %Z}"


class LazyZone(tzinfo):
    """The zone that `find` returns, looked up when it is first used: a request that shows no time, such as `/healthz`,
    then reads no database."""

    def __init__(self, find: Callable[[], tzinfo]) -> None:
        self._find = find

    @cached_property
    def _zone(self) -> tzinfo:
        return self._find()

    def utcoffset(self, at: datetime | None, /) -> timedelta | None:
        return self._zone.utcoffset(at)

    def dst(self, at: datetime | None, /) -> timedelta | None:
        return self._zone.dst(at)

    def tzname(self, at: datetime | None, /) -> str | None:
        return self._zone.tzname(at)

    def fromutc(self, at: datetime, /) -> datetime:
        return self._zone.fromutc(at.replace(tzinfo=self._zone)).replace(tzinfo=self)

    def __str__(self) -> str:
        return str(self._zone)
