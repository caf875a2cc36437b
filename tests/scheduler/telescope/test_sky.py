"""Hour angle, altitude and airmass of fields against astropy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from math import radians, sin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sky.equatorial import Equatorial, apparent_places
from core.sky.sidereal import hour_angle, local_sidereal_hours
from scheduler.telescope.night.sky import (
    HIGHEST_AIRMASS,
    TelescopeSite,
    airmass,
    altitude,
    julian_date,
    time_of,
    wall_seconds,
)
from tests.harness.astropy_sky import altitude_by_astropy, hour_angle_by_astropy
from tests.harness.runs.examples import examples

WITHIN_H = 0.01
WITHIN_AIRMASS = 0.01
BEGIN, END = datetime(1990, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
moments = st.timedeltas(timedelta(0), END - BEGIN).map(lambda after: BEGIN + after)
places = st.builds(Equatorial, st.floats(0, 23.999), st.floats(-89, 89))
sites = st.builds(TelescopeSite, st.floats(-89, 89), st.floats(-180, 180), st.floats(0, 5000))
often = examples(100)


def hours_between(one: float, other: float) -> float:
    return abs((one - other + 12) % 24 - 12)


def seen_from(site: TelescopeSite, star: Equatorial, at: datetime) -> tuple[float, float]:
    """The hour angle and the altitude."""
    (place,) = apparent_places([star], at)
    ha = hour_angle(local_sidereal_hours(at.timestamp(), site.longitude), place.ra)
    return ha, altitude(ha, place.dec, site.latitude)


@often
@given(sites, places, moments)
def test_hour_angle_and_airmass_are_those_of_astropy(site: TelescopeSite, star: Equatorial, at: datetime) -> None:
    ha, height = seen_from(site, star, at)
    coordinates = (site.latitude, site.longitude, site.elevation)
    expected = altitude_by_astropy(star, at, coordinates)
    assert hours_between(ha, hour_angle_by_astropy(star, at, coordinates)) < WITHIN_H
    assert height == pytest.approx(expected, abs=0.02)
    # Where fields are observed; nearer to the horizon an airmass of 0.01 is less than a minute of arc.
    assert expected < 25 or abs(airmass(height) - 1 / sin(radians(expected))) < WITHIN_AIRMASS


@pytest.mark.parametrize(("degrees", "expected"), [(90, 1), (30, 2), (0.01, HIGHEST_AIRMASS), (0, 1000), (-5, 1000)])
def test_the_airmass_has_a_highest_value(degrees: float, expected: float) -> None:
    assert airmass(degrees) == pytest.approx(expected)


def test_a_star_at_the_zenith_and_at_the_pole() -> None:
    assert altitude(0, -29.257, -29.257) == pytest.approx(90)
    assert altitude(7, -90, -29.257) == pytest.approx(29.257)
    assert altitude(12, -29.257, -29.257) == pytest.approx(-90 + 2 * 29.257)


@given(moments)
def test_a_julian_date_is_its_time(at: datetime) -> None:
    assert abs(time_of(julian_date(at)) - at) < timedelta(milliseconds=0.1)
    assert wall_seconds(julian_date(at)) == pytest.approx(at.timestamp(), abs=0.0001)


def test_julian_dates_begin_at_noon() -> None:
    assert julian_date(datetime(2000, 1, 1, 12, tzinfo=UTC)) == 2_451_545.0
    assert julian_date(datetime(2000, 1, 1, 13, tzinfo=timezone(timedelta(hours=1)))) == 2_451_545.0


def test_the_site_of_default_is_la_silla() -> None:
    site = TelescopeSite()
    assert (site.latitude, -site.longitude / 15, site.elevation) == (-29.257, pytest.approx(4.7153), 2347)


@pytest.mark.parametrize(
    ("coordinates", "message"),
    [
        ((-91.0, 0.0, 0.0), "The latitude of a site is -91°; it must be -90° to 90°."),
        ((0.0, 180.5, 0.0), "The longitude of a site is 180.5°; it must be -180° to 180°."),
        ((0.0, 0.0, 20_000.0), "The elevation of a site is 20000 m; it must be -10000 m to 10000 m."),
        ((float("nan"), 0.0, 0.0), "The latitude of a site is nan°; it must be -90° to 90°."),
    ],
)
def test_a_site_is_on_the_earth(coordinates: tuple[float, float, float], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        TelescopeSite(*coordinates)
