"""When a field can be observed in a night, why it cannot, and what an observation changes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sky.equatorial import Equatorial
from scheduler.telescope.driver.field import SelectionCode
from scheduler.telescope.night.night import night_of
from scheduler.telescope.night.progress import (
    NEVER,
    after_bad_readout,
    after_observation,
    begin_night,
    reload_states,
    state_from_json,
    state_to_json,
)
from scheduler.telescope.night.sky import TelescopeSite
from tests.harness.runs.examples import examples
from tests.scheduler.telescope.nights import LA_SILLA, NIGHT, SECOND_D, at, listed, state_at, states_at

DUSK, DAWN = NIGHT.begin, NIGHT.end
HALF_HOUR_D = 0.5 / 24
FULL_MOON = night_of(LA_SILLA, date(2026, 11, 24))
UPPSALA_IN_SUMMER = night_of(TelescopeSite(59.86, 17.64, 0), date(2026, 6, 20))


@pytest.mark.parametrize(
    ("line", "begin", "end"),
    [
        ("0 0 N 60 0 1 0", DUSK, DAWN),
        ("0 -1 N 60 0 1 0", NIGHT.sunset, DUSK),
        ("0 1 N 60 0 1 0", DAWN, NIGHT.sunrise),
        ("0 2 N 60 0 1 0", NIGHT.sunset, NIGHT.sunrise),
        ("0 0 L 60 0 1 0", NIGHT.sunset, NIGHT.sunrise),
        ("0 0 F 60 0 1 0 0.05 27", DUSK, DAWN),
        ("0 0 P 60 0 1 0", DUSK, DAWN),
        ("0 0 E 60 0 1 0", NIGHT.sunset + HALF_HOUR_D, DUSK),
        ("0 0 M 60 0 1 0", DAWN, NIGHT.sunrise - HALF_HOUR_D),
        ("5 -30 Y 60 0 1 0", at("01:25"), DAWN),
    ],
)
def test_a_kind_of_field_has_its_part_of_the_night(line: str, begin: float, end: float) -> None:
    state = state_at(at("20:00"), line)
    assert state.problem == ""
    assert (state.jd_rise, state.jd_next) == (pytest.approx(begin, abs=60 * SECOND_D),) * 2
    assert state.jd_set == end


@pytest.mark.parametrize("line", ["0 0 N 60 0 1 0", "0 5 N 60 0 1 0", "0 0 F 60 0 1 0 0.05 27", "3 -30 Y 60 0 1 0"])
def test_a_field_that_is_added_in_the_night_begins_then(line: str) -> None:
    state = state_at(at("03:00"), line)
    assert (state.jd_rise, state.jd_next) == (at("03:00"), at("03:00"))


@pytest.mark.parametrize(
    ("line", "clock", "reason"),
    [
        ("0 -1 N 60 0 1 0", "00:30", "Its time ended at 00:17 UTC."),
        ("0 0 E 60 0 1 0", "00:30", "Its time ended at 00:17 UTC."),
        ("0 0 N 60 0 1 0", "09:00", "Its time ended at 08:38 UTC."),
        ("0 0 M 60 0 1 0", "09:10", "Its time ended at 08:59 UTC."),
        ("5 45 Y 60 0 1 0", "20:00",
         "It never rises: while it is dark, its airmass is not below 2 within 4.3 h of the meridian."),
        ("16 -30 Y 60 0 1 0", "20:00",
         "It never rises: while it is dark, its airmass is not below 2 within 4.3 h of the meridian."),
        ("4 30.5 Y 60 0 1 0", "20:00", "Its declination is 30.5°; the telescope points from -89° to 30°."),
        ("5 -30 Y 60 14400 3 0", "20:00", "It is up for 7.21 h, and its 3 observations take 8.00 h."),
        ("5 -30 Y 60 14400 3 2", "20:00", "It is up for 7.21 h, and its 3 observations take 8.00 h."),
        ("7.5 -10 Y 60 0 1 2", "20:00", "Its galactic latitude is 3.9°; supernova fields are at least 15° away."),
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_observed_says_why(line: str, clock: str, reason: str) -> None:
    assert state_at(at(clock), line).problem == reason


def test_supernovae_are_looked_for_on_both_sides_of_the_galaxy() -> None:
    south, north = states_at(at("20:00"), "3 -30 Y 60 0 1 2", "10.5 -10 Y 60 0 1 2")
    assert (south.problem, north.problem) == ("", "")


def test_the_telescope_does_not_point_to_the_pole() -> None:
    far_south = night_of(TelescopeSite(-50, -70, 0), date(2026, 11, 20))
    assert state_at(far_south.sunset, "5 -89.5 Y 60 0 1 0", far_south).problem == (
        "Its declination is -89.5°; the telescope points from -89° to 30°."
    )
    assert state_at(far_south.sunset, "5 -89 Y 60 0 1 0", far_south).problem == ""


def test_a_field_that_must_be_done_may_be_up_too_shortly() -> None:
    assert state_at(at("20:00"), "5 -30 Y 60 14400 3 3").problem == ""
    assert state_at(at("20:00"), "5 -30 Y 60 14400 3 4").problem == ""


def test_observations_that_just_fit_are_possible() -> None:
    up_s = (DAWN - state_at(at("20:00"), "5 -30 Y 60 0 1 0").jd_rise) * 86_400
    assert state_at(at("20:00"), f"5 -30 Y 60 {up_s / 2 - 1:.0f} 3 0").problem == ""
    assert state_at(at("20:00"), f"5 -30 Y 60 {up_s / 2 + 1:.0f} 3 0").problem != ""


def test_a_field_beside_the_full_moon_is_not_observed() -> None:
    moon = FULL_MOON.moon
    lines = [f"{moon.ra:.4f} {moon.dec - degrees:.4f} Y 60 0 1 0" for degrees in (14, 16)]
    near, far = states_at(FULL_MOON.sunset, *lines, night=FULL_MOON)
    assert near.problem == ("The Moon is 13.9° away and 99% lit; a field is at least 15° from a Moon of more than 50%.")
    assert far.problem == ""


def test_the_separation_from_the_moon_is_that_on_the_sphere() -> None:
    """At the declination 27.7° a difference of 1.06 h or 15.9° in right ascension is 14.1°."""
    moon = FULL_MOON.moon
    beside = state_at(FULL_MOON.sunset, f"{moon.ra + 1.03:.4f} {moon.dec:.4f} Y 60 0 1 0", FULL_MOON)
    assert beside.problem.startswith("The Moon is 14.1° away")


def test_half_a_moon_does_not_disturb() -> None:
    lit = replace(NIGHT, moon=Equatorial(4, -30), moon_illumination=0.5)
    assert state_at(NIGHT.sunset, "4 -30 Y 60 0 1 0", lit).problem == ""
    assert state_at(NIGHT.sunset, "4 -30 Y 60 0 1 0", replace(lit, moon_illumination=0.51)).problem != ""


@pytest.mark.parametrize("line", ["0 0 N 60 0 1 0", "0 0 F 60 0 1 0 0.05 27", "0 0 P 60 0 1 0"])
def test_a_night_without_dark_time_has_no_dark_calibrations(line: str) -> None:
    assert state_at(UPPSALA_IN_SUMMER.sunset, line, UPPSALA_IN_SUMMER).problem == "This night has no time for it."


@pytest.mark.parametrize("line", ["0 -1 N 60 0 1 0", "0 1 N 60 0 1 0", "0 0 L 60 0 1 0", "0 0 E 60 0 1 0"])
def test_a_night_without_dark_time_has_two_twilights(line: str) -> None:
    assert state_at(UPPSALA_IN_SUMMER.sunset, line, UPPSALA_IN_SUMMER).problem == ""


def test_a_night_without_dark_time_has_no_fields_of_the_sky() -> None:
    problem = state_at(UPPSALA_IN_SUMMER.sunset, "18 20 Y 60 0 1 0", UPPSALA_IN_SUMMER).problem
    assert problem == "The Sun stays less than 12° below the horizon in this night."


def test_the_polar_day_has_time_for_nothing() -> None:
    polar_day = night_of(TelescopeSite(-80, 0, 0), date(2026, 12, 20))
    states = states_at(
        polar_day.sunset, "0 0 L 60 0 1 0", "0 3 N 60 0 1 0", "0 0 E 9 0 1 0", "5 -60 Y 9 0 1 0", night=polar_day
    )
    assert [state.problem for state in states] == [
        *["This night has no time for it."] * 3, "The Sun stays less than 12° below the horizon in this night.",
    ]  # fmt: skip


def test_an_observation_is_due_again_after_its_interval() -> None:
    state = after_observation(state_at(at("20:00"), "3 -30 Y 60 1800 3 0"), at("03:00"))
    assert (state.n_done, state.n_left) == (1, 2)
    assert state.jd_next == pytest.approx(at("03:30"), abs=0.1 * SECOND_D)
    assert state.jd_open == pytest.approx(at("03:30") - 0.029 / 24, abs=0.1 * SECOND_D)


def test_a_shortened_interval_counts() -> None:
    state = replace(state_at(at("20:00"), "3 -30 Y 60 1800 3 0"), interval_h=0.25)
    assert after_observation(state, at("03:00")).jd_next == pytest.approx(at("03:15"), abs=0.1 * SECOND_D)


def test_a_lost_observation_is_due_at_once() -> None:
    once = after_observation(state_at(at("20:00"), "3 -30 Y 60 1800 1 0"), at("03:00"))
    lost = after_bad_readout(once, at("03:02"))
    assert (lost.n_done, lost.n_left, lost.jd_next) == (0, 1, at("03:02"))
    assert after_bad_readout(lost, at("03:02")).n_done == 0


def test_a_field_of_the_sky_is_pointed_to_where_its_line_says() -> None:
    state = state_at(at("20:00"), "3 -30 Y 60 1800 1 0")
    assert state.pointing(lst=7) == Equatorial(3, -30)


def test_the_place_of_a_field_is_of_the_equinox_of_the_date() -> None:
    """Its right ascension grows by about 3 s a year."""
    place = state_at(at("20:00"), "3 0 Y 60 1800 1 0").place
    assert place is not None
    assert (place.ra - 3) * 3600 == pytest.approx(26.9 * 3.07, abs=2)


@pytest.mark.parametrize(
    ("line", "ra"),
    [
        ("9 9 F 60 0 2 0 0.05 27", 0.5),
        ("9 9 P 60 0 2 0", 0.5),
        ("9 9 E 60 0 2 0", 2.5),
        ("9 9 M 60 0 2 0", 20.5),
    ],
)
def test_a_calibration_on_the_sky_keeps_the_place_of_its_first_observation(line: str, ra: float) -> None:
    state = state_at(at("20:00"), line)
    assert state.pointing(lst=23.5) == Equatorial(ra, 0)
    once = after_observation(state, at("00:20"), Equatorial(ra, 0))
    assert once.pointing(lst=0.5) == Equatorial(ra, 0)


@pytest.mark.parametrize("line", ["9 9 N 60 0 2 0", "9 9 L 60 0 2 0"])
def test_the_telescope_does_not_move_for_darks_and_dome_flats(line: str) -> None:
    assert state_at(at("20:00"), line).pointing(lst=5) is None


def test_an_edited_list_keeps_what_was_observed() -> None:
    first, second = states_at(at("20:00"), "3 -30 Y 60 1800 3 0", "4 -30 Y 60 1800 3 0")
    states = (after_observation(replace(first, interval_h=0.4), at("02:00")), second)
    edited = listed("5 -40 Y 60 0 1 0", "4 -30 Y 60 1800 3 0 # later", "3 -30 Y 90 1800 3 0")
    added, later, longer = reload_states(edited, states, NIGHT, at("03:00"))
    assert (added.n_done, added.jd_rise) == (0, at("03:00"))
    assert later == replace(second, field=edited[1])
    assert longer == replace(states[0], field=edited[2])


def test_an_edited_interval_counts_from_the_last_observation() -> None:
    state = after_observation(state_at(at("20:00"), "3 -30 Y 60 1800 3 0"), at("02:00"))
    (edited,) = reload_states(listed("3 -30 Y 60 3600 4 3"), [state], NIGHT, at("02:10"))
    assert (edited.n_done, edited.n_left, edited.interval_h) == (1, 3, 1)
    assert edited.jd_next == pytest.approx(at("03:00"), abs=0.1 * SECOND_D)


def test_an_edited_list_asks_whether_the_observations_that_are_left_fit() -> None:
    state = state_at(at("20:00"), "3 -30 Y 60 1800 9 0")
    twice = after_observation(after_observation(state, at("01:00")), at("01:30"))
    (edited,) = reload_states(listed("3 -30 Y 60 3600 7 0"), [twice], NIGHT, at("02:30"))
    assert edited.problem == ""
    (fresh,) = reload_states(listed("3 -30 Y 60 3600 7 0"), [], NIGHT, at("02:30"))
    assert fresh.problem == "It is up for 5.51 h, and its 7 observations take 6.00 h."


lines = st.sampled_from(
    ["3 -30 Y 60 1800 3 0", "5 45 Y 60 0 1 0", "0 0 F 60 0 5 0 0.05 27", "0 0 N 60 0 1 0", "0 0 E 60 0 1 0 # flat"]
)


@given(lines, st.integers(0, 100), st.floats(0, 12), st.sampled_from(SelectionCode), st.floats(0, 24, exclude_max=True))
@examples(100)
def test_a_state_survives_as_json(line: str, n_done: int, interval_h: float, code: SelectionCode, ra: float) -> None:
    state = replace(
        state_at(at("20:00"), line), n_done=n_done, interval_h=interval_h, selection=code, place=Equatorial(ra, -30.5)
    )
    assert state_from_json(state.field, json.loads(json.dumps(state_to_json(state)))) == state


def test_a_state_without_a_place_survives_as_json() -> None:
    state = state_at(at("20:00"), "0 0 N 60 0 1 0")
    assert state_from_json(state.field, json.loads(json.dumps(state_to_json(state)))) == state


@pytest.mark.parametrize(
    "damage",
    [
        {"id": "s 9.000000 +9.000000 1"},
        {"n_done": -1},
        {"n_done": 101},
        {"n_done": None},
        {"n_done": "many"},
        {"jd_rise": float("nan")},
        {"jd_next": float("inf")},
        {"jd_set": []},
        {"interval_h": -1},
        {"interval_h": 10**400},
        {"selection": 99},
        {"place": [1]},
        {"place": 5},
        {"place": [1, float("nan")]},
    ],
)
def test_a_damaged_state_is_refused(damage: dict[str, object]) -> None:
    state = state_at(at("20:00"), "3 -30 Y 60 1800 3 0")
    with pytest.raises(ValueError, match=r"^The progress of field 0 \(sky\) cannot be read: "):
        state_from_json(state.field, {**state_to_json(state), **damage})


def test_a_state_that_lacks_a_value_is_refused() -> None:
    state = state_at(at("20:00"), "3 -30 Y 60 1800 3 0")
    with pytest.raises(ValueError, match=r"^The progress of field 0 \(sky\) cannot be read: 'id'\.$"):
        state_from_json(state.field, {key: value for key, value in state_to_json(state).items() if key != "id"})


def test_a_field_that_is_never_up_has_no_times() -> None:
    state = state_at(at("20:00"), "5 45 Y 60 0 1 0")
    assert (state.jd_rise, state.jd_set, state.jd_next) == (NEVER, NEVER, NEVER)


def test_no_fields_are_no_states() -> None:
    assert begin_night((), NIGHT, NIGHT.sunset) == ()
