"""The planner: the runs of a year, with the Sun and the Moon computed for each night."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime

from bench.figures import Table, timed
from bench.runs import Runs
from cameras.spool.records import Programme
from core.sky.horizon import Horizon
from scheduler.planning.planner import plan
from scheduler.planning.rules import MoonRule, Plan, ScheduleRule, Site, SunRule
from scheduler.planning.sky import known_moon_place, known_sun_place, sky_of_night

LIMIT = "2 s"
CAMERAS = ("north", "east", "south", "west")
FIRST, LAST, NOW = date(2026, 1, 1), date(2026, 12, 31), datetime(2025, 12, 31, tzinfo=UTC)
PROGRAMME: Programme = {"exposure_us": 8_000_000, "cadence_s": 10.0}
HILLS = Horizon(((0.0, 5.0), (90.0, 12.0), (180.0, 3.0), (270.0, 20.0)))
PLAIN, VALLEY = (Site(48.1, 11.6, 520, "Europe/Berlin", horizon) for horizon in (Horizon(), HILLS))
SCHEDULES = (
    ScheduleRule("meteors", "Meteors", CAMERAS, PROGRAMME, SunRule(-18), MoonRule(0.3, 0), priority=1),
    ScheduleRule("clouds", "Clouds", CAMERAS, PROGRAMME, SunRule(-6, 600, -600)),
)
SEVERAL = tuple(
    Site(latitude, longitude, 520, zone)
    for latitude, longitude, zone in (
        (48.1, 11.6, "Europe/Berlin"),
        (-24.6, -70.4, "America/Santiago"),
        (69.6, 19.0, "Europe/Oslo"),
        (0.0, 37.0, "Africa/Nairobi"),
    )
)


def run(runs: Runs) -> list[Table]:
    found = Table(
        "The planner: a year of nights for four cameras with two schedules each, one of them with a moon rule"
    )
    for name, sites in (
        ("Four cameras at one site", [PLAIN] * 4),
        ("Four cameras at one site with a horizon mask", [VALLEY] * 4),
        ("Four cameras at four sites", list(SEVERAL)),
    ):
        years = [year(sites) for _ in range(runs.times(5))]
        seconds = min(took for took, _ in years)
        made = years[0][1]
        limit = LIMIT if name == "Four cameras at one site" else ""
        found.add(name, f"{seconds:.2f} s", limit, f"{len(made.runs)} runs, {len(made.losers)} nights without one")
    found.add("The Sun and the Moon of one night, for a page", str(timed(sky_of_first_night, runs.times(50))))
    return [found]


def year(sites: list[Site]) -> tuple[float, Plan]:
    """Seconds, and the plan."""
    forget_places()
    began = time.perf_counter()
    made = plan(SCHEDULES, [], dict(zip(CAMERAS, sites, strict=True)), FIRST, LAST, NOW)
    return time.perf_counter() - began, made


def sky_of_first_night() -> None:
    forget_places()
    sky_of_night(VALLEY, FIRST)


def forget_places() -> None:
    """What a process that has just started does not know."""
    for known in (known_sun_place, known_moon_place, sky_of_night):
        known.cache_clear()
