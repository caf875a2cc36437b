"""Windows by clock: midnight, clocks that change, and time zones far from the mean time."""

from __future__ import annotations

from datetime import date, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures import paths
from scheduler.planning.clocks import clock_window, utc_of_clock
from scheduler.planning.rules import ClockRule, Site
from tests.harness.planning.schedules import BERLIN
from tests.harness.runs.examples import examples

ZONES = (
    "UTC", "Europe/Berlin", "Asia/Urumqi", "Pacific/Kiritimati", "Pacific/Apia", "Antarctica/Troll", "America/St_Johns",
    "Australia/Lord_Howe", "Pacific/Chatham", "America/Sao_Paulo",
)  # fmt: skip
clocks = st.times().map(lambda at: f"{at:%H:%M}")
dates = st.dates(date(1995, 2, 1), date(2040, 1, 1))


def window(begin: str, end: str, night: str, site: Site = BERLIN) -> str:
    """In UTC, as "20 19:00 to 20 21:00" with the days of the month."""
    first, last = clock_window(ClockRule(begin, end), date.fromisoformat(night), site)
    return f"{first:%d %H:%M} to {last:%d %H:%M}"


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        ("20:00", "22:00", "20 19:00 to 20 21:00"),
        ("22:00", "04:00", "20 21:00 to 21 03:00"),
        ("00:00", "04:00", "20 23:00 to 21 03:00"),
        ("20:00", "00:00", "20 19:00 to 20 23:00"),
        ("02:00", "04:00", "21 01:00 to 21 03:00"),
        ("11:00", "12:00", "21 10:00 to 21 11:00"),
        ("12:00", "13:00", "20 11:00 to 20 12:00"),
        ("08:00", "16:00", "20 07:00 to 20 15:00"),
        ("21:00", "21:00", "20 20:00 to 21 20:00"),
        ("09:00", "08:00", "20 08:00 to 21 07:00"),
    ],
)
def test_a_window_belongs_to_the_evening_unless_it_is_one_of_the_morning(begin: str, end: str, expected: str) -> None:
    assert window(begin, end, "2026-11-20") == expected


def test_without_a_longitude_a_window_begins_on_the_calendar_day() -> None:
    assert window("02:00", "04:00", "2026-11-20", Site(time_zone="Europe/Berlin")) == "20 01:00 to 20 03:00"
    assert window("22:00", "04:00", "2026-11-20", Site(time_zone="Europe/Berlin")) == "20 21:00 to 21 03:00"


# In Berlin the clocks skip 02:00 to 03:00 on 29 March 2026, at 01:00 UTC.


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        ("22:00", "06:00", "28 21:00 to 29 04:00"),
        ("22:00", "02:30", "28 21:00 to 29 01:00"),
        ("02:30", "06:00", "29 01:00 to 29 04:00"),
        ("02:10", "02:50", "29 01:00 to 29 01:00"),
        ("01:59", "03:01", "29 00:59 to 29 01:01"),
    ],
)
def test_a_time_that_does_not_exist_is_the_moment_of_the_change(begin: str, end: str, expected: str) -> None:
    assert window(begin, end, "2026-03-28") == expected


# In Berlin the clocks show 02:00 to 03:00 twice on 25 October 2026, from 00:00 to 02:00 UTC.


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        ("22:00", "06:00", "24 20:00 to 25 05:00"),
        ("22:00", "02:30", "24 20:00 to 25 00:30"),
        ("02:30", "06:00", "25 00:30 to 25 05:00"),
        ("02:10", "02:50", "25 00:10 to 25 00:50"),
        ("01:59", "03:01", "24 23:59 to 25 02:01"),
    ],
)
def test_of_a_time_that_exists_twice_the_first_counts(begin: str, end: str, expected: str) -> None:
    assert window(begin, end, "2026-10-24") == expected


def test_the_time_zone_troll_changes_its_clocks_by_two_hours() -> None:
    troll = Site(-72.01, 2.53, 1275, "Antarctica/Troll")
    assert window("22:00", "02:30", "2026-03-28", troll) == "28 22:00 to 29 01:00"
    assert window("22:00", "06:00", "2026-03-28", troll) == "28 22:00 to 29 04:00"


def test_a_date_that_the_clocks_skip_begins_and_ends_at_the_change() -> None:
    apia = ZoneInfo("Pacific/Apia")
    assert utc_of_clock(date(2011, 12, 30), time(9), apia) == utc_of_clock(date(2011, 12, 31), time(0), apia)


@pytest.mark.parametrize(
    "site", [Site(43.8, 87.6, 900, "Asia/Urumqi"), Site(43.8, 87.6, 900, "Asia/Shanghai"),
             Site(1.9, -157.4, 3, "Pacific/Kiritimati"), Site(-72.0, 2.5, 1275, "Antarctica/Troll")],
)  # fmt: skip
@pytest.mark.parametrize(("begin", "end"), [("21:00", "23:00"), ("23:00", "05:00"), ("03:00", "05:00")])
def test_far_from_mean_time_a_window_begins_in_the_night_of_its_name(site: Site, begin: str, end: str) -> None:
    first, _ = clock_window(ClockRule(begin, end), date(2026, 11, 20), site)
    assert paths.night_of(first, paths.Site(site.latitude, site.longitude, site.time_zone)) == date(2026, 11, 20)


@examples(300)
@given(st.sampled_from(ZONES), dates, clocks, clocks, st.none() | st.just(10.0))
def test_windows_of_one_rule_never_overlap(
    zone: str, first: date, begin: str, end: str, longitude: float | None
) -> None:
    site, rule = Site(0, longitude, 0, zone), ClockRule(begin, end)
    found = [clock_window(rule, first + timedelta(days=number), site) for number in range(4)]
    assert [one for one in found if one[1] < one[0]] == []
    assert [later for earlier, later in pairwise(found) if later[0] < earlier[1]] == []


@examples(300)
@given(st.sampled_from(ZONES), dates, st.times(), st.times())
def test_a_later_time_of_day_is_never_an_earlier_moment(zone: str, day: date, one: time, other: time) -> None:
    earlier, later = sorted([one, other])
    assert utc_of_clock(day, earlier, ZoneInfo(zone)) <= utc_of_clock(day, later, ZoneInfo(zone))


def test_a_leap_second_moves_nothing() -> None:
    """Clocks of Python and of Linux have none: 2016-12-31 23:59:60 UTC is the second before or after it."""
    assert window("22:00", "06:00", "2016-12-31", Site(time_zone="UTC")) == "31 22:00 to 01 06:00"
