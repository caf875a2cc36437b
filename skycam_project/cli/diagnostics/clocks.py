"""Checks of time: the time zone of the machine and of the site, and the machine's clock against the broker's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from skycam_project.cli.diagnostics.finding import BROKEN, OK, WARNING, Finding
from skycam_project.cli.station import Station

MONTH = timedelta(days=30)
LATE_S = 1.0
VERY_LATE_S = 30.0


def time_zone(station: Station) -> Iterator[Finding]:
    """The machine's zone may have another name than the site's, as long as both show the same times."""
    name = station.config.site.time_zone
    if name is None:
        yield Finding("time zone", OK, f"The site uses the machine's time zone ({time.strftime('%Z')}).")
        return
    site, now = ZoneInfo(name), datetime.now(UTC)
    # A year, so that daylight saving time is compared, too.
    year = [now + months * MONTH for months in range(13)]
    if all(at.astimezone(site).utcoffset() == at.astimezone().utcoffset() for at in year):
        yield Finding("time zone", OK, f"The machine shows the times of the site ({name}).")
        return
    here = time.strftime("%Z, UTC%z")
    detail = f"The machine's time zone ({here}) is not the site's ({name}): logs and commands show other times."
    yield Finding("time zone", WARNING, detail, f"timedatectl set-timezone {name}, or change `site.time_zone`")


def broker_clock(station: Station) -> Iterator[Finding]:
    """All machines of a station use the broker's clock for deadlines."""
    from core.broker.hiredis_client import BrokerDown, open_client

    try:
        with open_client(station.config.redis_url) as server:
            before = time.time()
            ((seconds, microseconds),) = server.run_commands([("TIME",)])
            ahead_s = (before + time.time()) / 2 - int(seconds) - int(microseconds) / 1e6
    except BrokerDown:
        return  # the broker's own check reports it
    if abs(ahead_s) < LATE_S:
        yield Finding("broker's clock", OK, "It agrees with this machine's clock.")
        return
    side = "ahead of" if ahead_s > 0 else "behind"
    detail = f"This machine's clock is {abs(ahead_s):.1f} s {side} the broker's."
    state = BROKEN if abs(ahead_s) > VERY_LATE_S else WARNING
    yield Finding("broker's clock", state, detail, "Synchronise both machines: timedatectl set-ntp true")
