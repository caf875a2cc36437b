"""The places of the Sun and the Moon against Skyfield with the JPL ephemeris DE421."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from math import asin, cos, degrees, dist, radians, sin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sky.bodies import Place, moon_phase, moon_place, sun_place
from tests.harness.jpl import Coordinates, jpl, moment, place_by_jpl
from tests.harness.runs.examples import examples

SUN_WITHIN, MOON_WITHIN = 0.001, 0.002

BEGIN, END = datetime(1950, 1, 1, tzinfo=UTC), datetime(2050, 1, 1, tzinfo=UTC)
moments = st.timedeltas(timedelta(0), END - BEGIN).map(lambda after: BEGIN + after)
sites = st.tuples(st.floats(-90, 90), st.floats(-180, 180), st.floats(-400, 6000))
often = examples(200)


def degrees_between(one: Place, other: Place) -> float:
    """Also at the zenith and for a site at a pole, where azimuths say little."""
    return degrees(2 * asin(dist(direction(one), direction(other)) / 2))


def direction(place: Place) -> tuple[float, float, float]:
    altitude, azimuth = radians(place.altitude), radians(place.azimuth)
    return cos(altitude) * cos(azimuth), cos(altitude) * sin(azimuth), sin(altitude)


@often
@given(moments, sites)
def test_the_sun_stands_where_the_jpl_ephemeris_has_it(at: datetime, site: Coordinates) -> None:
    assert degrees_between(sun_place(at, *site), place_by_jpl("sun", at, site)) < SUN_WITHIN


@often
@given(moments, sites)
def test_the_moon_stands_where_the_jpl_ephemeris_has_it(at: datetime, site: Coordinates) -> None:
    assert degrees_between(moon_place(at, *site), place_by_jpl("moon", at, site)) < MOON_WITHIN


@often
@given(moments)
def test_the_moon_is_lit_as_the_jpl_ephemeris_has_it(at: datetime) -> None:
    _, bodies = jpl()
    moon = bodies["earth"].at(moment(at)).observe(bodies["moon"]).apparent()
    assert moon_phase(at) == pytest.approx(moon.fraction_illuminated(bodies["sun"]), abs=0.003)


def test_a_time_of_another_zone_is_the_same_moment() -> None:
    at = datetime(2026, 11, 21, 3, 40, tzinfo=UTC)
    there = at.astimezone(timezone(timedelta(hours=-7)))
    assert sun_place(there, 48, 11) == sun_place(at, 48, 11)
    assert moon_phase(there) == moon_phase(at)


def test_the_moon_stands_lower_for_a_site_that_is_higher() -> None:
    at = datetime(2026, 11, 21, 21, tzinfo=UTC)
    assert moon_place(at, 48, 11, 6000).altitude < moon_place(at, 48, 11).altitude
