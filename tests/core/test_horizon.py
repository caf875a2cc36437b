"""The horizon mask of a site, and when the Sun and the Moon are behind it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sky.bodies import Place, sun_place
from core.sky.horizon import Horizon, intervals_hidden, intervals_set, refraction
from core.sky.intervals import sun_intervals, sun_speed

BEGIN = datetime(2026, 3, 20, 12, tzinfo=UTC)
END = BEGIN + timedelta(days=1)
MUNICH = (48.1, 11.6, 520.0)
HILLS = Horizon(((0.0, 2.0), (90.0, 12.0), (180.0, 4.0), (270.0, 20.0)))


def sun(at: datetime) -> Place:
    return sun_place(at, *MUNICH)


@pytest.mark.parametrize(
    ("azimuth", "altitude"),
    [(0, 2), (45, 7), (90, 12), (135, 8), (270, 20), (315, 11), (359.999, 2), (360, 2), (-90, 20)],
)
def test_straight_lines_join_the_points_around_the_circle(azimuth: float, altitude: float) -> None:
    assert HILLS.altitude_at(azimuth) == pytest.approx(altitude, abs=0.001)


@given(st.floats(-720, 720))
def test_the_mask_is_between_its_lowest_and_highest_point(azimuth: float) -> None:
    assert 2 <= HILLS.altitude_at(azimuth) <= 20


def test_without_points_the_horizon_is_flat() -> None:
    assert {Horizon().altitude_at(azimuth) for azimuth in (0, 90, 359)} == {0}


def test_one_point_is_the_same_altitude_everywhere() -> None:
    assert {Horizon(((200.0, 3.0),)).altitude_at(azimuth) for azimuth in (0, 200, 359)} == {3}


def test_points_may_come_in_any_order() -> None:
    assert Horizon(tuple(reversed(HILLS.points))) == HILLS


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ((360.0, 1.0), "The azimuth 360° of the horizon must be at least 0° and less than 360°."),
        ((-1.0, 1.0), "The azimuth -1° of the horizon must be at least 0°"),
        ((float("nan"), 1.0), "The azimuth nan° of the horizon"),
        ((10.0, 91.0), "The horizon's altitude at azimuth 10° is 91°; it must be from -5° to 90°."),
        ((10.0, -6.0), "The horizon's altitude at azimuth 10° is -6°"),
        ((10.0, float("nan")), "The horizon's altitude at azimuth 10° is nan°"),
        ((5.0, 1.0), "The horizon has the azimuth 5° twice. Remove one of the points."),
    ],
)
def test_a_point_that_cannot_be_is_refused_with_a_sentence(point: tuple[float, float], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        Horizon(((5.0, 1.0), point))


def test_behind_hills_the_sun_sets_earlier_and_rises_later() -> None:
    ((sunset, sunrise),) = intervals_set(sun, HILLS, BEGIN, END, sun_speed(MUNICH[0]))
    ((flat_sunset, flat_sunrise),) = intervals_set(sun, Horizon(), BEGIN, END, sun_speed(MUNICH[0]))
    assert timedelta(hours=1, minutes=30) < flat_sunset - sunset < timedelta(hours=2, minutes=30)
    assert timedelta(hours=1) < sunrise - flat_sunrise < timedelta(hours=1, minutes=30)


def test_at_sunset_behind_hills_the_suns_upper_edge_is_at_the_mask() -> None:
    ((sunset, _),) = intervals_set(sun, HILLS, BEGIN, END, sun_speed(MUNICH[0]))
    place = sun(sunset)
    mask = HILLS.altitude_at(place.azimuth)
    assert place.altitude + refraction(mask) + 16 / 60 == pytest.approx(mask, abs=0.003)


def test_a_flat_mask_is_nearly_the_horizon_of_almanacs() -> None:
    ((sunset, _),) = intervals_set(sun, Horizon(((0.0, 0.0),)), BEGIN, END, sun_speed(MUNICH[0]))
    ((almanac, _),) = sun_intervals(*MUNICH, -0.833, BEGIN, END)
    assert abs(sunset - almanac) < timedelta(seconds=6)


def test_behind_a_tower_in_the_west_a_body_hides_and_appears_again() -> None:
    tower = Horizon(((0.0, 0.0), (230.0, 0.0), (231.0, 60.0), (245.0, 60.0), (246.0, 0.0)))
    hidden = intervals_hidden(sun, tower, 0.0, BEGIN, END, sun_speed(MUNICH[0]))
    assert len(hidden) == 2
    assert {round(sun(at).azimuth) for at in hidden[0]} <= {230, 231, 245, 246}


def test_the_altitude_of_a_body_counts_from_the_mask() -> None:
    ((lower, _),) = intervals_hidden(sun, HILLS, 5.0, BEGIN, END, sun_speed(MUNICH[0]))
    place = sun(lower)
    assert place.altitude == pytest.approx(HILLS.altitude_at(place.azimuth) + 5, abs=0.003)


def test_refraction_is_that_of_almanacs() -> None:
    assert refraction(0) == pytest.approx(34.5 / 60, abs=0.001)
    assert refraction(10) == pytest.approx(5.4 / 60, abs=0.002)
    assert refraction(-3) == refraction(0)
