"""Places of stars and of the Moon against astropy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sky.equatorial import Equatorial, apparent_places, ecliptic, galactic, moon_direction, separation
from tests.harness.astropy_sky import (
    Coordinates,
    coordinates,
    ecliptic_by_astropy,
    moon_by_astropy,
    star_by_astropy,
)
from tests.harness.runs.examples import examples

BEGIN, END = datetime(1990, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
J2000 = 2_451_545.0
moments = st.timedeltas(timedelta(0), END - BEGIN).map(lambda after: BEGIN + after)
places = st.builds(Equatorial, st.floats(0, 23.999), st.floats(-90, 90))
sites = st.tuples(st.floats(-89, 89), st.floats(-180, 180), st.floats(-400, 6000))
often = examples(100)


def degrees_between(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Of two pairs of longitude and latitude, also at the poles, where a longitude says little."""
    return separation(Equatorial(one[0] / 15, one[1]), Equatorial(other[0] / 15, other[1]))


@often
@given(places, places)
def test_the_separation_of_two_places_is_that_of_astropy(one: Equatorial, other: Equatorial) -> None:
    expected = float(coordinates(one).separation(coordinates(other)).deg)
    assert separation(one, other) == pytest.approx(expected, abs=1e-9)


@often
@given(places, moments)
def test_a_star_is_seen_where_astropy_has_it(star: Equatorial, at: datetime) -> None:
    (seen,) = apparent_places([star], at)
    assert separation(seen, star_by_astropy(star, at)) < 0.001


@often
@given(moments, sites)
def test_the_moon_is_seen_where_astropy_has_it(at: datetime, site: Coordinates) -> None:
    assert separation(moon_direction(at, *site), moon_by_astropy(at, site)) < 0.01


@often
@given(places)
def test_galactic_coordinates_are_those_of_astropy(place: Equatorial) -> None:
    expected = coordinates(place).galactic
    assert degrees_between(galactic(place), (float(expected.l.deg), float(expected.b.deg))) < 0.0001


@often
@given(places)
def test_ecliptic_coordinates_are_those_of_astropy(place: Equatorial) -> None:
    assert degrees_between(ecliptic(place, J2000), ecliptic_by_astropy(place)) < 0.0001


@often
@given(places)
def test_longitudes_are_less_than_a_turn(place: Equatorial) -> None:
    assert 0 <= galactic(place)[0] < 360
    assert 0 <= ecliptic(place, J2000)[0] < 360


def test_the_ecliptic_of_another_year_has_its_obliquity() -> None:
    """The north pole of the equator is 90° less the obliquity from the ecliptic."""
    assert ecliptic(Equatorial(0, 90), J2000 + 36_525)[1] == pytest.approx(90 - 23.4262869, abs=1e-6)


def test_the_centre_of_the_galaxy_is_at_zero() -> None:
    longitude, latitude = galactic(Equatorial(17.760337, -28.936178))
    assert min(longitude, 360 - longitude) < 0.001
    assert latitude == pytest.approx(0, abs=0.001)
