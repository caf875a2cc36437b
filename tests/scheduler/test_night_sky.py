"""The Sun and the Moon of one night, as people read them."""

from __future__ import annotations

from dataclasses import astuple
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sky.bodies import moon_phase, moon_place, sun_place
from core.sky.horizon import Horizon
from scheduler.planning.rules import Site
from scheduler.planning.sky import PHASE_AN_HOUR, NightSky, SkyOfSite, TwilightTimes, sky_of_night
from tests.harness.planning.schedules import BERLIN, TROMSO, utc
from tests.harness.runs.examples import examples

NIGHT = date(2026, 11, 20)
KIRUNA = Site(67.86, 20.23, 420, "Europe/Stockholm")


def altitudes(times: list[datetime | None]) -> list[float]:
    assert None not in times
    return [sun_place(at, 52.5, 13.4, 34).altitude for at in times if at]


def test_the_twilights_of_a_night_are_in_their_order() -> None:
    times = list(astuple(sky_of_night(BERLIN, NIGHT).twilight))
    assert altitudes(times) == pytest.approx([-0.833, -6, -12, -18, -18, -12, -6, -0.833], abs=0.002)
    assert times == sorted(times)


def test_a_night_without_astronomical_twilight_has_only_the_others() -> None:
    twilight = sky_of_night(BERLIN, date(2026, 6, 20)).twilight
    assert (twilight.astronomical_dusk, twilight.astronomical_dawn) == (None, None)
    assert None not in {twilight.sunset, twilight.nautical_dusk, twilight.nautical_dawn, twilight.sunrise}


def test_in_the_polar_day_the_sun_passes_nothing() -> None:
    night = sky_of_night(TROMSO, date(2026, 6, 20))
    assert night.twilight == TwilightTimes(*[None] * 8)
    assert min(altitude for _, altitude in night.sun_altitudes) > 0


def test_in_the_polar_night_the_sun_neither_sets_nor_rises_but_there_is_twilight() -> None:
    night = sky_of_night(TROMSO, date(2026, 12, 20))
    assert (night.twilight.sunset, night.twilight.sunrise) == (None, None)
    assert night.twilight.civil_dusk is not None
    assert max(altitude for _, altitude in night.sun_altitudes) < -0.833


def test_where_the_sun_passes_three_times_the_longest_time_below_counts() -> None:
    """At the begin of the polar night in the far north, when the Sun is highest 16 minutes before mean noon."""
    site, night = Site(80.53, 0, 0, "UTC"), date(2026, 11, 3)
    twilight = sky_of_night(site, night).twilight
    assert len(SkyOfSite(site).sun_below(-6, *site.night_range(night))) == 2
    assert twilight.civil_dusk is not None
    assert twilight.civil_dawn is not None
    assert f"{twilight.civil_dusk:%d %H:%M} {twilight.civil_dawn:%d %H:%M}" == "03 12:43 04 11:31"


def test_hills_hide_the_sun_earlier() -> None:
    valley = Site(52.5, 13.4, 34, "Europe/Berlin", Horizon(((0.0, 10.0),)))
    flat, hidden = (sky_of_night(site, NIGHT).twilight for site in (BERLIN, valley))
    assert flat.sunset is not None
    assert hidden.sunset is not None
    assert timedelta(hours=1) < flat.sunset - hidden.sunset < timedelta(hours=2)
    assert hidden.civil_dusk == flat.civil_dusk


def test_the_moon_sets_in_the_night_that_it_is_asked_for() -> None:
    night = sky_of_night(BERLIN, NIGHT)
    assert night.moonset is not None
    assert night.moonrise is not None
    assert abs(night.moonset - utc("2026-11-21 02:22")) < timedelta(minutes=3)
    assert moon_place(night.moonrise, 52.5, 13.4, 34).altitude == pytest.approx(-0.833, abs=0.003)
    assert night.moon_up == ((night.moonrise, night.moonset),)


def test_the_phase_is_that_of_the_local_midnight() -> None:
    assert sky_of_night(BERLIN, NIGHT).moon_phase == moon_phase(utc("2026-11-20 23:00"))


@examples(300)
@given(st.datetimes(datetime(1950, 1, 1), datetime(2049, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_the_phase_never_changes_faster_than_its_greatest_speed(at: datetime) -> None:
    assert abs(moon_phase(at + timedelta(hours=1)) - moon_phase(at)) < PHASE_AN_HOUR * 0.6


def test_the_suns_altitudes_are_ten_minutes_apart() -> None:
    night = sky_of_night(BERLIN, NIGHT)
    assert len(night.sun_altitudes) == 145
    assert night.sun_altitudes[0] == (night.begin, sun_place(night.begin, 52.5, 13.4, 34).altitude)
    assert night.sun_altitudes[-1][0] == night.end


def test_a_night_without_coordinates_or_that_was_skipped_is_refused() -> None:
    with pytest.raises(ValueError, match="The site has no latitude and longitude"):
        sky_of_night(Site(time_zone="Europe/Berlin"), NIGHT)
    with pytest.raises(ValueError, match="The clocks of Pacific/Apia skipped 2011-12-30"):
        sky_of_night(Site(-13.8, -171.8, 0, "Pacific/Apia"), date(2011, 12, 30))


places = st.builds(Site, st.floats(-90, 90), st.floats(-180, 180), st.just(0.0), st.just("UTC"))


@examples(100)
@given(places, st.dates(date(2000, 1, 1), date(2040, 1, 1)))
def test_dusk_is_before_dawn_at_any_site(site: Site, night: date) -> None:
    sky: NightSky = sky_of_night(site, night)
    times = [at for at in astuple(sky.twilight) if at is not None]
    assert times == sorted(times)
    assert {sky.begin < at < sky.end for at in times} <= {True}


def test_the_sky_of_a_span_is_that_of_its_days() -> None:
    """An interval over noon is not cut there."""
    sky = SkyOfSite(KIRUNA)
    begin, end = utc("2026-12-10 03:00"), utc("2026-12-20 05:00")
    assert sky.sun_below(-0.3, begin, end) == [(begin, end)]
    assert len(sky.sun_below(-6, begin, end)) == 11
