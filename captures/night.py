"""Which night, and so which folder, a moment belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

EVENING = time_of_day(18)
"""Local mean time whose date, by the clocks of the place, names the night."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where the station stands: degrees north and east, and the time zone's IANA name."""

    latitude: float | None = None
    longitude: float | None = None
    time_zone: str | None = None


def night_of(time: datetime, site: Site) -> date:
    """The night that `time` (aware) belongs to, named by the local date of the evening on which it began.

    With a longitude a night runs from local mean noon to noon; without one, and so without an evening, it
    is the local date. Local is `site.time_zone`, else the longitude's mean time, else the machine's zone.
    """
    if site.longitude is None:
        return time.astimezone(_zone(site)).date()
    ahead = timedelta(hours=site.longitude / 15)
    named = (time.astimezone(UTC) + ahead - timedelta(hours=12)).date()
    if site.time_zone is None:
        return named
    evening = datetime.combine(named, EVENING, UTC) - ahead
    return evening.astimezone(_zone(site)).date()


def _zone(site: Site) -> ZoneInfo | None:
    """None is the machine's own zone."""
    if site.time_zone is None:
        return None
    try:
        return ZoneInfo(site.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return None
