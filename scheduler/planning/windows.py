"""The windows of one schedule on one camera in one night, before other runs are considered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from core.sky.intervals import Interval, clip, subtract, union
from core.times.sun import SET_THE_SITE
from scheduler.planning.clocks import clock_window
from scheduler.planning.rules import MAX_OFFSET_S, Change, MoonRule, NoWindow, ScheduleRule, Site, SunRule
from scheduler.planning.sky import SkyOfSite

SHORTEST = timedelta(minutes=1)
MOST_OFFSET = timedelta(seconds=MAX_OFFSET_S)
SECOND = timedelta(seconds=1)
WEEKDAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


def windows_of(
    schedule: ScheduleRule, change: Change | None, site: Site | None, sky: SkyOfSite | None, night: date
) -> list[Interval]:
    """At least one window of at least a minute, in whole seconds. NoWindow, which says why there is none."""
    _check_calendar(schedule, night)
    if change is not None and change.skip:
        raise NoWindow("skipped", "An operator skips this night.")
    if site is None:
        raise NoWindow("no_site", "The camera has no site.")
    windows, bright_reason = _windows_of_rule(schedule, site, sky, night)
    if change is not None:
        windows = _changed(windows, change)
    if not windows and bright_reason is not None:
        raise bright_reason
    if not (long_enough := tidy(windows)):
        raise NoWindow("too_short", "The window is shorter than a minute.")
    return long_enough


def tidy(windows: Sequence[Interval]) -> list[Interval]:
    """In whole seconds of UTC, inside of `windows`; without those shorter than a minute."""
    rounded = [
        (_next_second(begin.astimezone(UTC)), end.astimezone(UTC).replace(microsecond=0)) for begin, end in windows
    ]
    return [(begin, end) for begin, end in rounded if end - begin >= SHORTEST]


def _next_second(at: datetime) -> datetime:
    return at.replace(microsecond=0) + SECOND if at.microsecond else at


def _check_calendar(schedule: ScheduleRule, night: date) -> None:
    if not schedule.enabled:
        raise NoWindow("disabled", "The schedule is disabled.")
    if schedule.first_night and night < schedule.first_night:
        raise NoWindow("dates", f"The schedule begins on {schedule.first_night}.")
    if schedule.last_night and night > schedule.last_night:
        raise NoWindow("dates", f"The schedule ended on {schedule.last_night}.")
    if night.weekday() not in schedule.weekdays:
        raise NoWindow("weekday", f"The schedule does not run on {WEEKDAYS[night.weekday()]}.")


def _windows_of_rule(
    schedule: ScheduleRule, site: Site, sky: SkyOfSite | None, night: date
) -> tuple[list[Interval], NoWindow | None]:
    """The windows, and the reason if there are none. An operator's change may still give the night a window."""
    begin, end = site.night_range(night)
    if begin >= end:
        raise NoWindow("no_night", f"The clocks of {site.time_zone} skipped this date.")
    if sky is None and (schedule.moon is not None or isinstance(schedule.window, SunRule)):
        raise NoWindow(
            "no_site",
            f"The site has no latitude and longitude, which rules for the Sun and the Moon need. {SET_THE_SITE}.",
        )
    if isinstance(schedule.window, SunRule):
        assert sky is not None
        windows, reason = _sun_windows(schedule.window, sky, begin, end)
    else:
        windows, reason = union([clock_window(schedule.window, night, site)]), None
    if windows and schedule.moon is not None:
        assert sky is not None
        return _dark_windows(windows, schedule.moon, sky)
    return windows, reason


def _sun_windows(
    rule: SunRule, sky: SkyOfSite, begin: datetime, end: datetime
) -> tuple[list[Interval], NoWindow | None]:
    # The ends of the search are no passages. Moved by an offset they are still outside of the night.
    below = sky.sun_below(rule.altitude, begin - MOST_OFFSET, end + MOST_OFFSET)
    after, later = timedelta(seconds=rule.begin_offset_s), timedelta(seconds=rule.end_offset_s)
    moved = [(low + after, high + later) for low, high in below]
    windows = clip(union(moved), begin, end)
    if windows:
        return windows, None
    if clip(below, begin, end):
        return [], NoWindow("too_short", "The offsets leave nothing of the window.")
    return [], NoWindow("never_dark", f"The Sun stays above {_degrees(rule.altitude)} all night.")


def _dark_windows(windows: list[Interval], rule: MoonRule, sky: SkyOfSite) -> tuple[list[Interval], NoWindow | None]:
    dark = subtract(windows, sky.moon_bright(rule, windows[0][0], windows[-1][1]))
    times = times_text(windows, sky.site)
    return dark, None if dark else NoWindow("moon", f"{_moon_text(rule)} for the whole window ({times}).")


def _moon_text(rule: MoonRule) -> str:
    lit = "" if rule.max_phase is None else f"more than {100 * rule.max_phase:g} % lit"
    if rule.max_altitude is None:
        return f"The Moon is {lit}"
    height = "up" if rule.max_altitude == 0 else f"more than {_degrees(rule.max_altitude)} above the horizon"
    return f"The Moon is {height}{lit and ' and '}{lit}"


def _degrees(value: float) -> str:
    return f"{value:g}°"


def times_text(windows: Sequence[Interval], site: Site) -> str:
    """With the clocks of the site: "21:30 to 02:10, 03:00 to 04:00"."""
    return ", ".join(
        f"{begin.astimezone(site.zone):%H:%M} to {end.astimezone(site.zone):%H:%M}" for begin, end in windows
    )


def _changed(windows: list[Interval], change: Change) -> list[Interval]:
    """The first window begins and the last one ends when the operator says; what is outside is cut."""
    if change.begin is not None and change.end is not None and not windows:
        return [(change.begin, change.end)]
    if change.begin is not None and windows:
        windows = _begun_at(windows, change.begin)
    if change.end is not None and windows:
        windows = _ended_at(windows, change.end)
    return windows


def _begun_at(windows: list[Interval], at: datetime) -> list[Interval]:
    if at < windows[0][0]:
        return [(at, windows[0][1]), *windows[1:]]
    return [(max(begin, at), end) for begin, end in windows if end > at]


def _ended_at(windows: list[Interval], at: datetime) -> list[Interval]:
    if at > windows[-1][1]:
        return [*windows[:-1], (windows[-1][0], at)]
    return [(begin, min(end, at)) for begin, end in windows if begin < at]
