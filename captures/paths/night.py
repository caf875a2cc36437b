"""The night, and so the folder, that a time belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

NOON = time_of_day(12)
EVENING = time_of_day(18)
"""Local mean time. The civil date at this time names the night."""


@dataclass(frozen=True, slots=True)
class Site:
    """The station's location: degrees north and east, and the IANA name of its time zone."""

    latitude: float | None = None
    longitude: float | None = None
    time_zone: str | None = None

    @property
    def has_nights(self) -> bool:
        """False without a longitude: a night is then a calendar day."""
        return self.longitude is not None


def night_of(time: datetime, site: Site) -> date:
    """The night that `time` (aware) belongs to, named by the local date of the evening on which it began.

    With a longitude, a night runs from one local mean noon to the next. Without one, it is the local date. Local means
    `site.time_zone`, else the longitude's mean time, else the machine's zone.
    """
    if site.longitude is None:
        return time.astimezone(_zone(site)).date()
    ahead = timedelta(hours=site.longitude / 15)
    named = (time.astimezone(UTC) + ahead - timedelta(hours=12)).date()
    if site.time_zone is None:
        return named
    # The clocks of the zone may show another date than the local mean time, so the zone names the evening.
    evening = datetime.combine(named, EVENING, UTC) - ahead
    return evening.astimezone(_zone(site)).date()


def night_range(night: date, site: Site) -> tuple[datetime, datetime]:
    """Begin (inclusive) and end (exclusive) of `night`, in UTC: the times for which `night_of` returns it.

    Both are equal for a date that the local clocks skipped. OverflowError beyond the calendar.
    """
    if site.longitude is None:
        return _midnight(night, site), _midnight(night + timedelta(days=1), site)
    noon = datetime.combine(night, NOON, UTC) - timedelta(hours=site.longitude / 15)
    # Where the zone's date differs from that of the mean time, the night of this name begins a day earlier or later.
    for shift in (timedelta(0), timedelta(days=-1), timedelta(days=1)):
        if night_of(noon + shift, site) == night:
            return noon + shift, noon + shift + timedelta(days=1)
    return noon, noon


def _midnight(day: date, site: Site) -> datetime:
    zone = _zone(site)
    naive = datetime.combine(day, time_of_day())
    return (naive.replace(tzinfo=zone) if zone else naive).astimezone(UTC)


def _zone(site: Site) -> ZoneInfo | None:
    """None: the machine's own zone."""
    if site.time_zone is None:
        return None
    try:
        return ZoneInfo(site.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return None
