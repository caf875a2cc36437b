"""Which night, and so which folder, a moment belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

NOON = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Site:
    """Where the station stands: degrees north and east, and the time zone's IANA name."""

    latitude: float | None = None
    longitude: float | None = None
    time_zone: str | None = None

    @property
    def has_nights(self) -> bool:
        """Without a longitude there is no evening, and so a night is a day."""
        return self.longitude is not None


def night_of(time: datetime, site: Site) -> date:
    """The night that `time` (aware) belongs to, named by the local date of the evening on which it began.

    With a longitude a night runs from local mean noon to noon; without one, and so without an evening, it
    is the local date. Local is `site.time_zone`, else the longitude's mean time, else the machine's zone.
    """
    if site.longitude is None:
        return time.astimezone(_zone(site)).date()
    return (time.astimezone(UTC) + _mean_time(site.longitude) - NOON).date()


def night_range(night: date, site: Site) -> tuple[datetime, datetime]:
    """When `night` begins and ends, in UTC: `night_of` gives it for every moment from the one to before the other.

    OverflowError beyond the calendar.
    """
    if site.longitude is None:
        return _midnight(night, site), _midnight(night + timedelta(days=1), site)
    begin = datetime.combine(night, time(), UTC) + NOON - _mean_time(site.longitude)
    return begin, begin + timedelta(days=1)


def _mean_time(longitude: float) -> timedelta:
    """How far local mean time is before UTC."""
    return timedelta(hours=longitude / 15)


def _midnight(day: date, site: Site) -> datetime:
    zone = _zone(site)
    naive = datetime.combine(day, time())
    return (naive.replace(tzinfo=zone) if zone else naive).astimezone(UTC)


def _zone(site: Site) -> ZoneInfo | None:
    """None is the machine's own zone."""
    if site.time_zone is None:
        return None
    try:
        return ZoneInfo(site.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return None
