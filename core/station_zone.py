"""The time zone of the station, for what people read and for times of day that they set."""

from __future__ import annotations

from datetime import UTC, tzinfo
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings

LOCALTIME = Path("/etc/localtime")


@cache
def station_zone() -> tzinfo:
    """The configured time zone of the site, else the machine's."""
    if name := settings.STATION.site.time_zone:
        return ZoneInfo(name)
    try:
        # The file, not its name: on some machines it is a copy and not a link into the zone database.
        with LOCALTIME.open("rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError):
        return UTC
