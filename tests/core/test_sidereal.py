"""Sidereal time against astropy, from 1990 to 2060."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime

import pytest
from astropy.time import Time
from astropy.utils import iers
from hypothesis import given
from hypothesis import strategies as st

from core.sky.sidereal import hour_angle, local_sidereal_hours
from tests.harness.runs.examples import examples

moments = st.floats(datetime(1990, 1, 1, tzinfo=UTC).timestamp(), datetime(2061, 1, 1, tzinfo=UTC).timestamp())
longitudes = st.floats(-180, 360)
hours = st.floats(0, 24)
often = examples(300)


def astropy_hours(wall_s: float, longitude: float, kind: str, ut1_minus_utc_s: float = 0.0) -> float:
    with warnings.catch_warnings(), iers.conf.set_temp("auto_download", False):
        # Years without known leap seconds are dubious to astropy.
        warnings.simplefilter("ignore")
        at = Time(wall_s, format="unix", scale="utc")
        at.delta_ut1_utc = ut1_minus_utc_s
        return float(at.sidereal_time(kind, longitude=longitude).hour)


@often
@given(moments, longitudes)
def test_the_mean_sidereal_time_is_that_of_astropy(wall_s: float, longitude: float) -> None:
    expected = astropy_hours(wall_s, longitude, "mean")
    assert hour_angle(local_sidereal_hours(wall_s, longitude), expected) == pytest.approx(0, abs=1e-7)


@often
@given(moments, longitudes, st.sampled_from([-0.9, 0.9]))
def test_the_apparent_sidereal_time_differs_by_less_than_a_thousandth_of_an_hour(
    wall_s: float, longitude: float, ut1_minus_utc_s: float
) -> None:
    expected = astropy_hours(wall_s, longitude, "apparent", ut1_minus_utc_s)
    assert hour_angle(local_sidereal_hours(wall_s, longitude), expected) == pytest.approx(0, abs=0.001)


@pytest.mark.parametrize("year", [1990, 1999, 2008, 2020])
def test_it_is_right_with_the_measured_rotation_of_the_earth(year: int) -> None:
    wall_s = datetime(year, 6, 30, 3, 20, tzinfo=UTC).timestamp()
    with iers.conf.set_temp("auto_download", False):
        measured = float(iers.IERS_B.open().ut1_utc(Time(wall_s, format="unix", scale="utc")).value)
    expected = astropy_hours(wall_s, -70.73, "apparent", measured)
    assert hour_angle(local_sidereal_hours(wall_s, -70.73), expected) == pytest.approx(0, abs=0.001)


@given(moments, longitudes)
def test_a_sidereal_time_is_within_a_day(wall_s: float, longitude: float) -> None:
    assert 0 <= local_sidereal_hours(wall_s, longitude) < 24


@given(hours, hours)
def test_an_hour_angle_is_within_half_a_day_of_the_meridian(lst: float, ra: float) -> None:
    found = hour_angle(lst, ra)
    assert -12 <= found < 12
    assert (found + ra - lst + 1) % 24 == pytest.approx(1)


@pytest.mark.parametrize(
    ("lst", "ra", "expected"), [(6, 5, 1), (1, 23, 2), (23, 1, -2), (0, 12, -12), (12, 0, -12), (0, 24, 0)]
)
def test_a_star_west_of_the_meridian_has_a_positive_hour_angle(lst: float, ra: float, expected: float) -> None:
    assert hour_angle(lst, ra) == pytest.approx(expected)
