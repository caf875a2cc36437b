"""What the planner is given: sites, schedules, an operator's changes of single nights, and the runs that have begun;
and what it returns. All that it is given is checked when it is made: ValueError with a sentence for what cannot
be."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cameras.spool.agenda import OnHeld
from cameras.spool.records import Programme
from captures import paths as nights
from core.sky.horizon import Horizon
from core.sky.intervals import Interval

HOUR_S = 3600.0
MAX_OFFSET_S = 12 * HOUR_S
CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)
EVERY_DAY = frozenset(range(7))
FIRST, LAST = date(1950, 1, 1), date(2049, 12, 31)
"""The nights for which the ephemeris is exact."""


def _check_range(what: str, value: float | None, least: float, most: float, unit: str = "") -> None:
    # Not "value < least or ...": that would let NaN pass.
    if value is not None and not least <= value <= most:
        raise ValueError(f"The {what} is {value:g}{unit}; it must be from {least:g}{unit} to {most:g}{unit}.")


def _check_aware(what: str, *times: datetime | None) -> None:
    if any(at is not None and at.tzinfo is None for at in times):
        raise ValueError(f"The times of {what} need a time zone.")


@dataclass(frozen=True, slots=True)
class Site:
    """Where cameras stand. Without a longitude a night is a calendar day, and without both coordinates there is no Sun
    and no Moon: only windows by clock can be planned."""

    latitude: float | None = None
    """Degrees (WGS 84), north positive."""
    longitude: float | None = None
    """Degrees (WGS 84), east positive."""
    elevation: float = 0.0
    """Metres above sea level."""
    time_zone: str = "UTC"
    """An IANA name."""
    horizon: Horizon = field(default_factory=Horizon)

    def __post_init__(self) -> None:
        _check_range("latitude", self.latitude, -90, 90, "°")
        _check_range("longitude", self.longitude, -180, 180, "°")
        _check_range("elevation", self.elevation, -500, 10_000, " m")
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"There is no time zone {self.time_zone!r}. Write one such as Europe/Berlin.") from error

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def night_range(self, night: date) -> Interval:
        """From one local mean noon to the next, as `captures.paths` has it. Empty for a date that the local
        clocks skipped."""
        return nights.night_range(night, nights.Site(self.latitude, self.longitude, self.time_zone))


@dataclass(frozen=True, slots=True)
class SunRule:
    """From the Sun's passage below `altitude` (degrees of its centre) to its passage above it, each with an offset in
    seconds. Where the Sun does not pass, as in the polar night, the night's own end has no offset."""

    altitude: float
    begin_offset_s: float = 0.0
    end_offset_s: float = 0.0

    def __post_init__(self) -> None:
        _check_range("Sun's altitude", self.altitude, -90, 90, "°")
        _check_range("offset of the begin", self.begin_offset_s, -MAX_OFFSET_S, MAX_OFFSET_S, " s")
        _check_range("offset of the end", self.end_offset_s, -MAX_OFFSET_S, MAX_OFFSET_S, " s")


@dataclass(frozen=True, slots=True)
class ClockRule:
    """From `begin` to `end`, both "HH:MM" in the site's time zone; over midnight when `end` is not later."""

    begin: str
    end: str

    def __post_init__(self) -> None:
        for text in (self.begin, self.end):
            if not CLOCK.fullmatch(text):
                raise ValueError(f"{text[:40]!r} is not a time of day. Write it as HH:MM, such as 21:30.")

    @property
    def begin_time(self) -> time:
        return time.fromisoformat(self.begin)

    @property
    def end_time(self) -> time:
        return time.fromisoformat(self.end)


@dataclass(frozen=True, slots=True)
class MoonRule:
    """The sky counts as dark while at most `max_phase` of the Moon's disc is lit (0 to 1), or while the Moon stands at
    most `max_altitude` degrees above the horizon mask at its azimuth: behind the mask with 0. One of them may be None,
    which makes no sky dark."""

    max_phase: float | None = None
    max_altitude: float | None = None

    def __post_init__(self) -> None:
        if self.max_phase is None and self.max_altitude is None:
            raise ValueError("A rule for the Moon needs a greatest phase, a greatest altitude, or both.")
        _check_range("greatest phase of the Moon", self.max_phase, 0, 1)
        _check_range("greatest altitude of the Moon", self.max_altitude, -90, 90, "°")


@dataclass(frozen=True, slots=True)
class ScheduleRule:
    """A schedule: cameras that run a programme in each night that matches."""

    id: str
    """Of equal priority, the first in text order has the camera: with UUIDv7, the one that was created first."""
    name: str
    cameras: tuple[str, ...]
    programme: Programme
    """Without windows."""
    window: SunRule | ClockRule
    moon: MoonRule | None = None
    weekdays: frozenset[int] = EVERY_DAY
    """0 is Monday. Of the evening's date."""
    first_night: date | None = None
    last_night: date | None = None
    priority: int = 0
    """The higher one has the camera."""
    enabled: bool = True
    on_held: OnHeld = "wait"
    """What a run does while a user holds the camera."""
    created_by: str = ""

    def __post_init__(self) -> None:
        if not self.weekdays <= EVERY_DAY:
            raise ValueError("Weekdays are numbers from 0 (Monday) to 6 (Sunday).")
        if self.first_night and self.last_night and self.last_night < self.first_night:
            raise ValueError(f"The last night, {self.last_night}, is before the first, {self.first_night}.")


@dataclass(frozen=True, slots=True)
class Change:
    """An operator's change of one night of a schedule on one camera: it is skipped, or its first window begins at
    `begin`, or its last window ends at `end`. With both, a night without a window gets one."""

    schedule: str
    camera: str
    night: date
    skip: bool = False
    begin: datetime | None = None
    end: datetime | None = None

    def __post_init__(self) -> None:
        _check_aware("a changed night", self.begin, self.end)
        if self.begin and self.end and self.end <= self.begin:
            raise ValueError("A changed night must end after it begins.")


@dataclass(frozen=True, slots=True)
class FixedRun:
    """A run whose first window has begun. It has its camera from its first begin to its last end, because a camera runs
    one session at a time. Once its session has ended, other schedules may have the rest; its own one does not begin it
    again."""

    camera: str
    windows: tuple[Interval, ...]
    name: str = ""
    schedule: str = ""
    """Empty for a run that no schedule planned."""
    night: date | None = None
    part: int = 0
    ended: datetime | None = None
    """When its session ended."""

    def __post_init__(self) -> None:
        _check_aware("a run that has begun", self.ended, *(at for window in self.windows for at in window))

    @property
    def begin(self) -> datetime:
        return min(begin for begin, _ in self.windows)

    @property
    def end(self) -> datetime:
        return max(end for _, end in self.windows)

    @property
    def free_from(self) -> datetime:
        """When other schedules may have the camera."""
        return self.end if self.ended is None else min(self.end, max(self.begin, self.ended))


Reason = Literal[
    "disabled",
    "dates",
    "weekday",
    "skipped",
    "no_site",
    "no_night",
    "never_dark",
    "moon",
    "too_short",
    "over",
    "begun",
    "lost",
    "unplannable",
    "not_planned",
]


@dataclass(frozen=True, slots=True)
class RunPlan:
    """A session to come."""

    schedule: str
    camera: str
    night: date
    part: int
    """0, 1, ... of this schedule, camera and night, in the order of their begin. Runs that have begun count as well."""
    windows: tuple[Interval, ...]
    programme: Programme
    name: str
    created_by: str
    on_held: OnHeld
    priority: int

    @property
    def begin(self) -> datetime:
        return self.windows[0][0]

    @property
    def end(self) -> datetime:
        return self.windows[-1][1]


@dataclass(frozen=True, slots=True)
class Loser:
    """A night in which a schedule gets nothing of a camera, or less than its windows."""

    schedule: str
    camera: str
    night: date
    reason: Reason
    message: str
    """A sentence for people, with times of the site's clocks."""


@dataclass(frozen=True, slots=True)
class Plan:
    runs: list[RunPlan]
    """In the order of their begin."""
    losers: list[Loser]
    """One for each schedule, camera and night without a run."""
    shortened: list[Loser]
    """One for each schedule, camera and night with a run that gave time to other runs."""


class NoWindow(Exception):
    """A schedule has no window in a night."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason
        self.message = message
