"""Checks of time: which time zone people see, and the machine's clock against the broker's."""

from __future__ import annotations

import time
from collections.abc import Iterator

from core.times.zones import machine_zone_name
from skycam_project.cli.diagnostics.finding import BROKEN, OK, WARNING, Finding
from skycam_project.cli.station import Station

LATE_S = 1.0
VERY_LATE_S = 30.0


def time_zone(station: Station) -> Iterator[Finding]:
    name, machine = station.site.time_zone if station.site else None, machine_zone_name()
    if name in (None, machine):
        yield Finding("time zone", OK, f"Times are those of the machine's time zone ({machine}).")
        return
    detail = f"Times are those of the site's time zone ({name}). The machine is in {machine}."
    yield Finding("time zone", OK, detail)


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
    yield compared("broker", ahead_s)


def database_clock(_station: Station) -> Iterator[Finding]:
    """Leases go by the database's clock, and the times of captures by this machine's."""
    from core import database_clock as clock

    if clock.is_shared():
        yield compared("database", clock.measure_offset().ahead_s)


def compared(server: str, ahead_s: float) -> Finding:
    if abs(ahead_s) < LATE_S:
        return Finding(f"{server}'s clock", OK, "It agrees with this machine's clock.")
    side = "ahead of" if ahead_s > 0 else "behind"
    detail = f"This machine's clock is {abs(ahead_s):.1f} s {side} the {server}'s."
    state = BROKEN if abs(ahead_s) > VERY_LATE_S else WARNING
    return Finding(f"{server}'s clock", state, detail, "Synchronise both machines: timedatectl set-ntp true")
