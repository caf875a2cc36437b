"""Times as people write them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from core.times.time_parsing import InvalidTime, Location, parse_time

BERLIN = ZoneInfo("Europe/Berlin")
THERE, NOWHERE = Location(52.52, 13.405), Location(None, None)
NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)


def read(text: str, place: Location = THERE, now: datetime = NOW) -> str:
    return parse_time(text, now, BERLIN, place).at.isoformat(sep=" ").removesuffix("+00:00")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 h", "2026-11-21 22:00:00"),
        ("in 90 min", "2026-11-21 21:30:00"),
        ("+1 h 30 min", "2026-11-21 21:30:00"),
        ("06:30", "2026-11-22 05:30:00"),
        ("6:30", "2026-11-22 05:30:00"),
        ("21:30", "2026-11-21 20:30:00"),
        ("2026-11-22 06:30", "2026-11-22 05:30:00"),
        ("2026-11-22T06:30", "2026-11-22 05:30:00"),
        ("2026-11-22T06:30:00Z", "2026-11-22 06:30:00"),
    ],
)
def test_a_time_is_read_as_it_is_written(text: str, expected: str) -> None:
    assert read(text) == expected


def test_a_clock_time_means_the_next_one_also_over_the_end_of_summer_time() -> None:
    night_of_the_change = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)
    assert read("06:30", now=night_of_the_change) == "2026-10-25 05:30:00"


def test_an_hour_that_the_clocks_skip_comes_after_now() -> None:
    assert read("02:30", now=datetime(2027, 3, 28, 0, 59, tzinfo=UTC)) == "2027-03-28 01:30:00"


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 10, 25, 0, 10, tzinfo=UTC), "2026-10-25 00:30:00"),
        (datetime(2026, 10, 25, 1, 10, tzinfo=UTC), "2026-10-25 01:30:00"),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "2026-10-26 01:30:00"),
    ],
)
def test_a_clock_time_in_the_hour_that_comes_twice_means_its_next_pass(now: datetime, expected: str) -> None:
    assert read("02:30", now=now) == expected


def test_an_hour_that_the_clocks_skip_is_not_read_as_the_hour_before_it() -> None:
    assert read("02:30", now=datetime(2027, 3, 28, 0, 0, tzinfo=UTC)) == "2027-03-28 01:30:00"


def test_sun_events_are_computed_for_the_location() -> None:
    found = parse_time("Sunrise", NOW, BERLIN, THERE)
    assert found.at.strftime("%Y-%m-%d %H:%M") == "2026-11-22 06:40"
    assert found.words == "sunrise"
    assert parse_time("dawn", NOW, BERLIN, THERE).words == "civil dawn, the Sun 6° below the horizon"


def test_without_a_location_sun_events_are_refused_with_the_settings_to_set() -> None:
    with pytest.raises(InvalidTime, match="Dawn needs the place of the station"):
        read("dawn", NOWHERE)


def test_a_missing_sunset_is_an_error() -> None:
    with pytest.raises(InvalidTime, match="No sunset in the next 36 hours here"):
        read("sunset", Location(78.2, 15.6), datetime(2026, 6, 20, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "message"),
    [("2026-13-01 00:00", "There is no 2026-13-01"), ("9999-12-31T23:59:59-01:00", "is out of range")],
)
def test_an_invalid_date_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidTime, match=message):
        read(text)


@pytest.mark.parametrize("text", ["2", "soon", "25:00", "2 moons"])
def test_an_invalid_time_is_refused_with_the_form_to_write(text: str) -> None:
    with pytest.raises(InvalidTime, match=r"is not a time\. Write 06:30, 2 h"):
        read(text)


def test_a_time_may_be_at_most_ten_years_ahead() -> None:
    with pytest.raises(InvalidTime, match="more than ten years"):
        read("99999 d")
