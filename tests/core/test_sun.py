"""The Sun's altitude against published times: tables of the US Naval Observatory, and VSOP87 by PyEphem."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.times.sun import NoSunEvent, next_sun_event, sun_altitude

WITHIN = timedelta(minutes=2)
WASHINGTON, GREENWICH, SYDNEY, QUITO = (38.9, -77.0), (51.4779, 0.0), (-33.8688, 151.2093), (-0.18, -78.47)
TROMSO = (69.6496, 18.956)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("dawn", "2002-03-20 10:45"),
        ("sunrise", "2002-03-20 11:12"),
        ("sunset", "2002-03-20 23:21"),
        ("dusk", "2002-03-20 23:47"),
    ],
)
def test_the_sun_rises_and_sets_in_washington_as_the_naval_observatory_published(name: str, published: str) -> None:
    assert abs(next_sun_event(name, utc("2002-03-20 05:00"), *WASHINGTON) - utc(published)) < WITHIN


@pytest.mark.parametrize(
    ("place", "after", "name", "computed"),
    [
        (GREENWICH, "2024-06-20", "sunrise", "2024-06-20 03:42:41"),
        (GREENWICH, "2024-06-20", "sunset", "2024-06-20 20:20:44"),
        (GREENWICH, "2024-06-20", "nautical dawn", "2024-06-20 01:40:31"),
        (GREENWICH, "2024-12-21", "sunrise", "2024-12-21 08:03:17"),
        (GREENWICH, "2024-12-21", "astronomical dusk", "2024-12-21 17:57:31"),
        (SYDNEY, "2026-11-21", "sunset", "2026-11-21 08:41:47"),
        (SYDNEY, "2026-11-21", "dawn", "2026-11-21 18:12:05"),
        (QUITO, "2024-09-22 05:00", "astronomical dawn", "2024-09-22 09:54:26"),
    ],
)
def test_sun_events_agree_with_vsop87_within_ten_seconds(
    place: tuple[float, float], after: str, name: str, computed: str
) -> None:
    assert abs(next_sun_event(name, utc(after), *place) - utc(computed)) < timedelta(seconds=10)


def test_the_next_sun_event_is_after_the_given_time() -> None:
    first = next_sun_event("sunset", utc("2026-11-21"), *SYDNEY)
    assert timedelta(hours=23) < next_sun_event("sunset", first, *SYDNEY) - first < timedelta(hours=25)


def test_at_noon_on_the_equator_at_the_equinox_the_sun_is_overhead() -> None:
    assert sun_altitude(utc("2024-03-20 12:07"), 0, 0) > 89


def test_in_the_polar_summer_there_is_no_sunset() -> None:
    with pytest.raises(NoSunEvent, match="No sunset in the next 36 hours here: the Sun stays above"):
        next_sun_event("sunset", utc("2024-06-20"), *TROMSO)


def test_in_the_polar_night_there_is_no_sunrise_but_a_dawn() -> None:
    with pytest.raises(NoSunEvent, match="the Sun stays below"):
        next_sun_event("sunrise", utc("2024-12-21"), *TROMSO)
    assert next_sun_event("dawn", utc("2024-12-21"), *TROMSO).date() == utc("2024-12-21").date()
