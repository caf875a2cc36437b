"""Sites and schedules for tests of the planner, with plain defaults."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from cameras.spool.records import Programme
from scheduler.planning.planner import plan
from scheduler.planning.rules import Change, FixedRun, Plan, ScheduleRule, Site, SunRule

BERLIN = Site(52.5, 13.4, 34, "Europe/Berlin")
TROMSO = Site(69.65, 18.96, 0, "Europe/Oslo")
LONG_AGO = datetime(1980, 1, 1, tzinfo=UTC)
PROGRAMME: Programme = {"exposure_us": 1_000_000, "cadence_s": 10.0}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def schedule(identifier: str = "a", **fields: Any) -> ScheduleRule:
    """Of the camera `allsky`, while the Sun is below -18°. Its name is its id in capital letters."""
    plain = {"name": identifier.upper(), "cameras": ("allsky",), "programme": PROGRAMME, "window": SunRule(-18)}
    return ScheduleRule(id=identifier, **{**plain, **fields})


def plan_of(
    *schedules: ScheduleRule,
    night: str = "2026-11-20",
    last: str = "",
    site: Site | None = BERLIN,
    now: datetime = LONG_AGO,
    changes: Iterable[Change] = (),
    fixed: Sequence[FixedRun] = (),
) -> Plan:
    """Of one night, or of those until `last`, with all cameras at `site`."""
    sites = {camera: site for one in schedules for camera in one.cameras}
    first = date.fromisoformat(night)
    return plan(schedules, changes, sites, first, date.fromisoformat(last or night), now, fixed)


def windows_text(found: Plan) -> list[str]:
    """The runs as "a0 21:00-22:00 23:00-23:30", in UTC."""
    return [
        f"{run.schedule}{run.part} " + " ".join(f"{begin:%H:%M}-{end:%H:%M}" for begin, end in run.windows)
        for run in found.runs
    ]


def reasons(found: Plan) -> list[str]:
    return [one.reason for one in found.losers]


def messages(found: Plan) -> list[str]:
    return [one.message for one in found.losers]
