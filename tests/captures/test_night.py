"""`night_of`: the local date of the evening on which a night began, at any location."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.paths import ImageOrganizer, Site, night_of
from tests.harness.runs.examples import examples

MUNICH = Site(48.1, 11.6, "Europe/Berlin")


def day(text: str, site: Site) -> str:
    return str(night_of(datetime.fromisoformat(text), site))


@pytest.mark.parametrize(
    ("time", "night"),
    [
        ("2026-01-15T21:00:00Z", "2026-01-15"),
        ("2026-01-16T05:00:00Z", "2026-01-15"),
        ("2026-01-16T11:13:00Z", "2026-01-15"),
        ("2026-01-16T11:14:00Z", "2026-01-16"),
    ],
)
def test_a_night_lasts_from_local_mean_noon_to_noon(time: str, night: str) -> None:
    assert day(time, MUNICH) == night


@pytest.mark.parametrize("time", ["2026-03-28T20:00:00Z", "2026-03-29T00:59:00Z", "2026-03-29T01:01:00Z"])
def test_the_change_to_summer_time_does_not_split_a_night(time: str) -> None:
    assert day(time, MUNICH) == "2026-03-28"


@pytest.mark.parametrize("time", ["2026-10-24T20:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"])
def test_the_change_from_summer_time_does_not_split_a_night(time: str) -> None:
    assert day(time, MUNICH) == "2026-10-24"


@pytest.mark.parametrize(
    ("site", "evening", "morning", "night"),
    [
        (Site(1.9, -157.4, "Pacific/Kiritimati"), "2026-06-11T05:00Z", "2026-06-11T15:00Z", "2026-06-11"),
        (Site(-13.8, -171.8, "Pacific/Apia"), "2026-06-11T06:00Z", "2026-06-11T16:00Z", "2026-06-11"),
        (Site(-14.3, -170.7, "Pacific/Pago_Pago"), "2026-06-11T06:00Z", "2026-06-11T16:00Z", "2026-06-10"),
        (Site(-43.9, -176.5, "Pacific/Chatham"), "2026-06-11T06:00Z", "2026-06-11T16:00Z", "2026-06-11"),
        (Site(19.8, -155.5, "Pacific/Honolulu"), "2026-06-11T06:00Z", "2026-06-11T15:00Z", "2026-06-10"),
        (Site(39.5, 76.0, "Asia/Shanghai"), "2026-06-11T14:00Z", "2026-06-11T23:30Z", "2026-06-11"),
        (Site(-32.4, 20.8, "Africa/Johannesburg"), "2026-06-11T18:00Z", "2026-06-12T03:00Z", "2026-06-11"),
    ],
)
def test_a_night_has_the_local_date_of_its_evening(site: Site, evening: str, morning: str, night: str) -> None:
    assert day(evening, site) == night
    assert day(morning, site) == night


def test_without_a_time_zone_the_date_follows_from_the_longitude() -> None:
    assert day("2026-06-11T06:00Z", Site(19.8, -155.5)) == "2026-06-10"


@pytest.mark.parametrize(("time", "date"), [("2026-01-15T22:59Z", "2026-01-15"), ("2026-01-15T23:01Z", "2026-01-16")])
def test_without_a_longitude_it_is_the_local_date(time: str, date: str) -> None:
    assert day(time, Site(time_zone="Europe/Berlin")) == date


def test_without_a_site_it_is_the_machines_local_date() -> None:
    now = datetime.now(UTC)
    assert night_of(now, Site()) == now.astimezone().date()


def test_an_unknown_time_zone_is_replaced_by_the_machines() -> None:
    now = datetime.now(UTC)
    assert night_of(now, Site(time_zone="Mars/Olympus_Mons")) == now.astimezone().date()


times = st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1)).map(lambda time: time.replace(tzinfo=UTC))  # noqa: DTZ001
zones = st.sampled_from([None, "Asia/Kathmandu"])


@examples(150)
@given(time=times, longitude=st.floats(-180, 180), zone=zones, later_h=st.floats(0, 11.9))
def test_nights_are_consecutive_and_the_hours_around_midnight_are_one_night(
    time: datetime, longitude: float, zone: str | None, later_h: float
) -> None:
    site = Site(0.0, longitude, zone)
    midnight = time.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(hours=longitude / 15)
    assert night_of(midnight - timedelta(hours=later_h), site) == night_of(midnight + timedelta(hours=later_h), site)
    assert night_of(midnight + timedelta(days=1), site) - night_of(midnight, site) == timedelta(days=1)


def test_the_folder_is_the_nights_and_the_name_has_utc_and_the_id() -> None:
    path = ImageOrganizer("dslr", MUNICH).path("0193", datetime.fromisoformat("2026-01-16T04:05:06.789+01:00"))
    assert path == "captures/dslr/2026/01/15/raw/dslr_20260116_030506_789_0193"
