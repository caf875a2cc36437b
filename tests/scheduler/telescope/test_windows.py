"""When fields are high enough, against astropy and against a search in small steps."""

from __future__ import annotations

from datetime import date
from math import nan, radians, sin

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.sky.equatorial import Equatorial, apparent_places
from core.sky.sidereal import hour_angle, local_sidereal_hours
from scheduler.telescope.night.night import Night, night_of
from scheduler.telescope.night.progress import MAX_AIRMASS, MAX_HOUR_ANGLE_H, observable_windows
from scheduler.telescope.night.sky import TelescopeSite, airmass, altitude, time_of, wall_seconds
from tests.harness.astropy_sky import altitude_by_astropy, hour_angle_by_astropy
from tests.harness.runs.examples import examples

LA_SILLA = TelescopeSite()
NIGHT = night_of(LA_SILLA, date(2026, 11, 20))
WITHIN_D = 0.01 / 24
MINUTE_D = 1 / 1440
nights = st.dates(date(2000, 1, 1), date(2039, 1, 1)).map(lambda evening: night_of(LA_SILLA, evening))
anywhere = st.builds(TelescopeSite, st.floats(-90, 90), st.floats(-180, 180))
places = st.builds(Equatorial, st.floats(0, 23.999), st.floats(-90, 90))
nights_anywhere = st.builds(night_of, anywhere, st.dates(date(2000, 1, 1), date(2039, 1, 1)))
times = st.tuples(nights_anywhere, st.floats(0, 1)).map(
    lambda drawn: (drawn[0], drawn[0].begin + drawn[1] * (drawn[0].end - drawn[0].begin))
)
"""A night, and a time in its dark part."""
stars = st.builds(Equatorial, st.floats(0, 23.999), st.floats(-85, 30))


def window(place: Equatorial, night: Night = NIGHT, begin: float = 0.0) -> tuple[float, float]:
    rises, sets = observable_windows([place], night, begin)
    return float(rises[0]), float(sets[0])


def is_observable(place: Equatorial, night: Night, jd: float) -> bool:
    ha = hour_angle(local_sidereal_hours(wall_seconds(jd), night.site.longitude), place.ra)
    return airmass(altitude(ha, place.dec, night.site.latitude)) < MAX_AIRMASS and abs(ha) < MAX_HOUR_ANGLE_H


def observable_minutes(place: Equatorial, night: Night, begin: float) -> list[float]:
    return [float(jd) for jd in np.arange(begin, night.end, MINUTE_D) if is_observable(place, night, float(jd))]


def is_observable_by_astropy(star: Equatorial, night: Night, jd: float) -> bool:
    site = (night.site.latitude, night.site.longitude, night.site.elevation)
    height = altitude_by_astropy(star, time_of(jd), site)
    return height > 0 and 1 / sin(radians(height)) < 2.0 and abs(hour_angle_by_astropy(star, time_of(jd), site)) < 4.3


@examples(60)
@given(nights, stars)
def test_fields_rise_and_set_within_a_hundredth_of_an_hour_of_astropy(night: Night, star: Equatorial) -> None:
    rises, sets = window(apparent_places([star], time_of(night.midnight))[0], night)
    assume(sets - rises > 2 * WITHIN_D)
    assert is_observable_by_astropy(star, night, rises + WITHIN_D)
    assert is_observable_by_astropy(star, night, sets - WITHIN_D)
    assert rises == night.begin or not is_observable_by_astropy(star, night, rises - WITHIN_D)
    assert sets == night.end or not is_observable_by_astropy(star, night, sets + WITHIN_D)


@examples(100)
@given(times, places)
def test_a_window_begins_and_ends_where_a_search_in_minutes_finds_it(
    time: tuple[Night, float], place: Equatorial
) -> None:
    found = observable_minutes(place, *time)
    assume(found)
    rises, sets = window(place, *time)
    assert rises == pytest.approx(found[0], abs=1.01 * MINUTE_D)
    assert sets == pytest.approx(found[-1], abs=1.01 * MINUTE_D)


@examples(100)
@given(times, places)
def test_there_is_no_window_where_a_search_in_minutes_finds_none(time: tuple[Night, float], place: Equatorial) -> None:
    assume(not observable_minutes(place, *time))
    rises, sets = window(place, *time)
    assert not sets - rises > MINUTE_D


def test_a_field_that_is_up_at_dusk_rises_with_the_night() -> None:
    rises, sets = window(Equatorial(1.0, -30))
    assert rises == NIGHT.begin
    assert NIGHT.begin < sets < NIGHT.end


def test_a_field_that_is_up_at_dawn_sets_with_the_night() -> None:
    rises, sets = window(Equatorial(8.0, -30))
    assert NIGHT.begin < rises < NIGHT.end
    assert sets == NIGHT.end


def test_the_hour_angle_limits_fields_that_stay_high() -> None:
    """At the declination -60° the airmass is below 2 for 5.3 h to both sides of the meridian."""
    rises, _ = window(Equatorial(8.0, -60))
    assert hour_angle(local_sidereal_hours(wall_seconds(rises), LA_SILLA.longitude), 8.0) == pytest.approx(-4.3)


@pytest.mark.parametrize("place", [Equatorial(5, 32), Equatorial(5, 90), Equatorial(5, -90), Equatorial(16, -30)])
def test_a_field_may_never_rise(place: Equatorial) -> None:
    """Too far north, below the pole, or up by day alone."""
    assert window(place) == pytest.approx((nan, nan), nan_ok=True)


def test_a_later_begin_cuts_the_window() -> None:
    rises, sets = window(Equatorial(4.0, -30))
    assert window(Equatorial(4.0, -30), begin=rises + 0.1) == (rises + 0.1, sets)
    assert window(Equatorial(4.0, -30), begin=sets + 0.01) == pytest.approx((nan, nan), nan_ok=True)


def test_a_night_without_dark_time_has_no_windows() -> None:
    uppsala = TelescopeSite(59.86, 17.64, 0)
    night = night_of(uppsala, date(2026, 6, 20))
    lst = local_sidereal_hours(wall_seconds(night.midnight), uppsala.longitude)
    assert window(Equatorial(lst, 59), night) == pytest.approx((nan, nan), nan_ok=True)


def test_a_field_that_sets_and_rises_again_has_one_window() -> None:
    """In the polar night: up at its begin and at its end."""
    night = night_of(TelescopeSite(-80, 0, 0), date(2026, 6, 20))
    lst = local_sidereal_hours(wall_seconds(night.begin), 0)
    assert window(Equatorial(lst, -60), night) == (night.begin, night.end)
