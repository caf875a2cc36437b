"""Sunset, twilights and the Moon of a night, against astropy and at the poles."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from math import acos, degrees

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sky.equatorial import separation
from scheduler.telescope.night.night import SHORTEST_OBSERVATION_D, Night, night_of
from scheduler.telescope.night.sky import TelescopeSite, julian_date, time_of
from tests.harness.astropy_sky import moon_by_astropy, sun_altitude_by_astropy
from tests.harness.runs.examples import examples

LA_SILLA = TelescopeSite()
SOUTH_POLE = TelescopeSite(-90, 0, 2835)
TROMSO = TelescopeSite(69.65, 18.96, 0)
UPPSALA = TelescopeSite(59.86, 17.64, 0)
WITHIN_H = 0.01
often = examples(40)
evenings = st.dates(date(1990, 1, 1), date(2039, 1, 1))
dark_sites = st.builds(TelescopeSite, st.floats(-45, 45), st.floats(-180, 180), st.floats(0, 5000))


def coordinates(site: TelescopeSite) -> tuple[float, float, float]:
    return site.latitude, site.longitude, site.elevation


def sea_horizon(site: TelescopeSite) -> float:
    """Degrees below the horizontal plane: where a line from the site touches a sphere of the Earth's size."""
    return degrees(acos(6378.14 / (6378.14 + site.elevation / 1000)))


def passages(night: Night, begin: float, limit: float, direction: int) -> bool:
    """Whether astropy has the Sun pass `limit` within WITHIN_H of `begin`, downwards with 1 and upwards with -1."""
    before, after = (
        sun_altitude_by_astropy(time_of(begin + hours / 24), coordinates(night.site)) - limit
        for hours in (-WITHIN_H, WITHIN_H)
    )
    return before * direction > 0 > after * direction


@often
@given(dark_sites, evenings)
def test_the_sun_passes_its_altitudes_when_astropy_has_it(site: TelescopeSite, evening: date) -> None:
    night, edge = night_of(site, evening), -0.833 - sea_horizon(site)
    assert passages(night, night.sunset, edge, 1)
    assert passages(night, night.begin, -12, 1)
    assert passages(night, night.end + SHORTEST_OBSERVATION_D, -12, -1)
    assert passages(night, night.sunrise, edge, -1)


@often
@given(dark_sites, evenings)
def test_the_moon_is_where_astropy_has_it_at_midnight(site: TelescopeSite, evening: date) -> None:
    night = night_of(site, evening)
    assert separation(night.moon, moon_by_astropy(time_of(night.midnight), coordinates(site))) < 0.01


def test_a_night_has_the_date_of_its_evening() -> None:
    """Over La Silla it is evening when the date of UTC changes."""
    night = night_of(LA_SILLA, date(2026, 11, 20))
    times = [night.sunset, night.begin, night.midnight, night.end, night.sunrise]
    assert [f"{time_of(jd):%m-%d %H:%M}" for jd in times] == [
        "11-20 23:27", "11-21 00:17", "11-21 04:42", "11-21 08:38", "11-21 09:29",
    ]  # fmt: skip
    assert night.has_dark_time


def test_the_sun_sets_when_the_c_scheduler_has_it() -> None:
    """Its `ut sunset` and `ut sunrise` of this night, in hours; it stops within 0.1° of the horizon, 30 s."""
    night = night_of(LA_SILLA, date(2026, 11, 20))
    hours = [(jd + 0.5) % 1 * 24 for jd in (night.sunset, night.sunrise)]
    assert hours == pytest.approx([23.454330, 9.497940], abs=0.1 / 12)


def test_a_site_below_the_sea_has_the_horizon_of_the_sea() -> None:
    low, level = (night_of(TelescopeSite(31.5, 35.5, height), date(2026, 11, 20)) for height in (-430, 0))
    assert low.sunset == pytest.approx(level.sunset, abs=1e-5)


def test_a_night_in_the_far_east_begins_on_the_date_of_its_evening_as_well() -> None:
    night = night_of(TelescopeSite(-37.8, 178.0, 0), date(2026, 11, 20))
    assert time_of(night.sunset) == pytest.approx(datetime(2026, 11, 20, 6, 40, tzinfo=UTC), abs=timedelta(hours=1))


@pytest.mark.parametrize(("evening", "lit"), [("2026-11-24", 1.0), ("2026-12-08", 0.0)])
def test_the_moon_is_lit_at_full_moon_alone(evening: str, lit: float) -> None:
    assert night_of(LA_SILLA, date.fromisoformat(evening)).moon_illumination == pytest.approx(lit, abs=0.01)


def test_in_the_polar_day_a_night_has_no_time() -> None:
    night = night_of(TROMSO, date(2026, 6, 20))
    assert night.sunset == night.begin == night.midnight == night.end == night.sunrise
    assert not night.has_dark_time


def test_in_the_polar_night_it_is_dark_from_noon_to_noon() -> None:
    night = night_of(SOUTH_POLE, date(2026, 6, 20))
    noon = julian_date(datetime(2026, 6, 20, 12, tzinfo=UTC))
    assert (night.sunset, night.begin, night.sunrise) == (noon, noon, noon + 1)
    assert night.end == noon + 1 - SHORTEST_OBSERVATION_D


def test_in_the_north_a_summer_night_has_a_sunset_and_no_dark_time() -> None:
    night = night_of(UPPSALA, date(2026, 6, 20))
    assert night.sunset < night.begin == night.midnight == night.end < night.sunrise
    assert not night.has_dark_time


@given(st.builds(TelescopeSite, st.floats(-90, 90), st.floats(-180, 180)), evenings)
@examples(100)
def test_the_times_of_any_night_are_in_their_order(site: TelescopeSite, evening: date) -> None:
    night = night_of(site, evening)
    assert night.midnight - 0.5 <= night.sunset <= night.begin <= night.end <= night.sunrise <= night.midnight + 0.5
