"""The times in which the Sun and the Moon are low, against Skyfield with the JPL ephemeris DE421."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import cos, radians

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from core.sky.bodies import moon_place, sun_place
from core.sky.intervals import (
    TWILIGHTS,
    Interval,
    clip,
    intersect,
    intervals_below,
    moon_intervals,
    moon_speed,
    subtract,
    sun_intervals,
    sun_speed,
    union,
)
from tests.harness.jpl import Coordinates, altitudes_by_jpl
from tests.harness.runs.examples import examples

BEGIN, END = datetime(1950, 1, 1, tzinfo=UTC), datetime(2049, 12, 1, tzinfo=UTC)
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
WITHIN = 5 * SECOND
UTSJOKI, POLE = (69.9, 27.0, 100.0), (-90.0, 0.0, 2835.0)

moments = st.timedeltas(timedelta(0), END - BEGIN).map(lambda after: BEGIN + after)
latitudes, longitudes = st.floats(-90, 90), st.floats(-180, 180)
sites = st.tuples(latitudes, longitudes, st.floats(-400, 6000))
limits = st.sampled_from(sorted(TWILIGHTS.values())) | st.floats(-60, 60)
hours = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=8)
often = examples(200)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def inner_ends(found: list[Interval], begin: datetime, end: datetime) -> list[datetime]:
    return [at for interval in found for at in interval if at not in {begin, end}]


def wrong_ends(body: str, ends: list[datetime], site: Coordinates, limit: float) -> list[datetime]:
    """Those within five seconds of which the body by the JPL ephemeris does not pass the limit."""
    altitudes = altitudes_by_jpl(body, [at + shift for at in ends for shift in (-WITHIN, WITHIN)], site)
    return [
        at
        for at, before, after in zip(ends, altitudes[::2], altitudes[1::2], strict=True)
        # Where the body hardly climbs, the accuracy of 0.002° is many seconds.
        if not min(before, after) <= limit <= max(before, after) and abs(after - before) >= 0.006
    ]


@often
@given(sites, moments, limits)
def test_the_sun_passes_within_five_seconds_of_the_jpl_ephemeris(
    site: Coordinates, begin: datetime, limit: float
) -> None:
    ends = inner_ends(sun_intervals(*site, limit, begin, begin + DAY), begin, begin + DAY)
    assume(ends)
    assert wrong_ends("sun", ends, site, limit) == []


@often
@given(sites, moments, limits)
def test_the_moon_passes_within_five_seconds_of_the_jpl_ephemeris(
    site: Coordinates, begin: datetime, limit: float
) -> None:
    # Forecasts of the Earth's rotation for 2049 differ by ten seconds, in which the Moon moves by 0.005°.
    assume(begin.year < 2030)
    ends = inner_ends(moon_intervals(*site, limit, begin, begin + DAY), begin, begin + DAY)
    assume(ends)
    assert wrong_ends("moon", ends, site, limit) == []


@pytest.mark.parametrize(
    "place", [(52.5, 13.4, 34.0), (-33.9, 18.4, 10.0), (19.8, -155.5, 4200.0), (64.1, -21.9, 20.0)]
)
@pytest.mark.parametrize("day", ["2016-12-31", "2024-02-29", "2026-03-29", "2026-09-22", "2031-12-21"])
def test_each_passage_of_skyfield_is_found(place: Coordinates, day: str) -> None:
    begin = utc(day)
    times = [begin + number * timedelta(minutes=8) for number in range(181)]
    below = [altitude <= -6 for altitude in altitudes_by_jpl("sun", times, place)]
    found = sun_intervals(*place, -6, begin, begin + DAY)
    ours = [any(first <= at <= last for first, last in found) for at in times]
    assert ours == below


@often
@given(sites, moments, limits, st.floats(0, 1))
def test_the_sun_is_below_inside_of_the_intervals_and_above_outside(
    site: Coordinates, begin: datetime, limit: float, share: float
) -> None:
    at = begin + share * DAY
    below = sun_intervals(*site, limit, begin, begin + DAY)
    altitude = sun_place(at, *site).altitude
    # Within the half second to which an end is found, the Sun moves by 0.003°.
    assume(abs(altitude - limit) > 0.003)
    assert any(first <= at <= last for first, last in below) == (altitude < limit)


@often
@example((0.0, 0.0, 0.0), utc("2003-11-05 22:17"), 300)  # the Moon at its fastest, of 300,000 random times
@example((90.0, 0.0, 0.0), utc("2024-09-18 10:38"), 300)
@given(sites, moments, st.integers(1, 600))
def test_no_body_is_faster_than_its_greatest_speed(site: Coordinates, at: datetime, seconds: int) -> None:
    later, hours_later = at + seconds * SECOND, seconds / 3600
    sun = sun_place(later, *site).altitude - sun_place(at, *site).altitude
    moon = moon_place(later, *site).altitude - moon_place(at, *site).altitude
    # Altitudes are rounded to 0.00001°.
    assert abs(sun) < sun_speed(site[0]) * hours_later + 1e-5
    assert abs(moon) < moon_speed(site[0]) * hours_later + 1e-5


@examples(100)
@example(1.0, 300.0)
@example(599.0, 300.0)
@example(9.5, 5.0)  # it is below within half a second of the sample
@example(9.5, 595.0)
@given(st.floats(1, 3000), st.floats(0, 600))
def test_two_passages_between_two_samples_are_found(length_s: float, after_s: float) -> None:
    """A body that is below the limit for `length_s`, as the Sun near the edge of the polar day, in the middle of which
    `after_s` have passed since a sample."""
    lowest = utc("2026-06-21 14:37:12")

    def altitude(at: datetime) -> float:
        return ((at - lowest) / HOUR) ** 2 - (length_s / 7200) ** 2

    ((first, last),) = intervals_below(altitude, 0, lowest - 5 * HOUR - after_s * SECOND, lowest + 5 * HOUR)
    assert (last - first) / SECOND == pytest.approx(length_s, abs=1)
    assert abs((last - lowest) - (lowest - first)) < SECOND


@pytest.mark.parametrize("day", range(5))
def test_the_first_short_night_after_the_polar_day_is_found(day: int) -> None:
    """For latitudes at which the Sun's lowest point is 0.001° below the limit: a night of a few minutes."""
    begin = utc("2026-07-20 12:03") + day * DAY  # the lowest point is in the middle between two samples
    samples = [begin + number * timedelta(minutes=1) for number in range(1441)]
    lowest = min(samples, key=lambda at: sun_place(at, *UTSJOKI).altitude)
    depth = sun_place(lowest, *UTSJOKI).altitude
    ((first, last),) = sun_intervals(*UTSJOKI, depth + 0.001, begin, begin + DAY)
    assert timedelta(minutes=1) < last - first < timedelta(minutes=12)
    assert sun_intervals(*UTSJOKI, depth - 0.001, begin, begin + DAY) == []


def test_in_the_polar_summer_there_is_no_interval() -> None:
    assert sun_intervals(*UTSJOKI, -0.833, utc("2026-06-15"), utc("2026-06-25")) == []


def test_in_the_polar_night_there_is_one_long_interval() -> None:
    begin, end = utc("2026-12-10"), utc("2027-01-01")
    assert sun_intervals(*UTSJOKI, -0.833, begin, end) == [(begin, end)]


def test_at_the_south_pole_the_sun_sets_once_a_year() -> None:
    ((begin, end),) = sun_intervals(*POLE, -0.833, utc("2026-01-01"), utc("2026-12-31"))
    assert begin.date().isoformat()[:7] == "2026-03"
    assert end.date().isoformat()[:7] == "2026-09"


def test_no_time_has_no_intervals() -> None:
    at = utc("2026-01-01")
    assert sun_intervals(*UTSJOKI, 90, at, at) == []
    assert sun_intervals(*UTSJOKI, 90, at, at - DAY) == []


def test_no_samples_are_taken_where_the_limit_is_out_of_reach() -> None:
    asked: list[datetime] = []

    def altitude(at: datetime) -> float:
        asked.append(at)
        return 40 * cos(radians(15 * ((at - utc("2026-01-01")) / HOUR)))

    intervals_below(altitude, -18, utc("2026-01-01"), utc("2026-01-02"))
    assert len(asked) < 60


# Lists of intervals


def intervals(pairs: list[tuple[int, int]]) -> list[Interval]:
    return [(BEGIN + begin * HOUR, BEGIN + end * HOUR) for begin, end in pairs]


def hours_of(found: list[Interval]) -> set[int]:
    """The hours that the intervals contain, which must be sorted, apart from each other and not empty."""
    ends = [at for interval in found for at in interval]
    assert ends == sorted(set(ends))
    return {hour for first, last in found for hour in range((first - BEGIN) // HOUR, (last - BEGIN) // HOUR)}


@given(hours, hours)
def test_lists_of_intervals_combine_as_sets_of_hours(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    a, b = union(intervals(one)), union(intervals(other))
    assert hours_of(union(a, b)) == hours_of(a) | hours_of(b)
    assert hours_of(intersect(a, b)) == hours_of(a) & hours_of(b)
    assert hours_of(subtract(a, b)) == hours_of(a) - hours_of(b)
    assert hours_of(clip(a, BEGIN + 5 * HOUR, BEGIN + 9 * HOUR)) == hours_of(a) & set(range(5, 9))


def test_intervals_that_touch_become_one() -> None:
    assert union(intervals([(3, 5)]), intervals([(1, 3)])) == intervals([(1, 5)])
