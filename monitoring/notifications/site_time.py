"""Times of day at the site: windows such as 22:00 to 07:00, which may pass midnight."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core.station_zone import station_zone


def is_within(at: datetime, begin: str, end: str) -> bool:
    """Whether the clock at the site shows a time from `begin` to before `end`, each HH:MM. Without them: False."""
    if not begin or not end:
        return False
    clock = f"{at.astimezone(station_zone()):%H:%M}"
    return begin <= clock < end if begin <= end else clock >= begin or clock < end


def end_of_window(at: datetime, end: str) -> datetime:
    """The next time after `at` at which the clock at the site shows `end`."""
    local = at.astimezone(station_zone())
    hour, minute = (int(part) for part in end.split(":"))
    found = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
    # Compared in UTC: across a change of the clocks, local times of one zone would be compared by their clock.
    if found.timestamp() <= at.timestamp():
        found += timedelta(days=1)
    return found.astimezone(UTC)
