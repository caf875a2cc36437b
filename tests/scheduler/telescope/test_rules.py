"""The next field of a night: each rule alone, and all of them against the rules written once more."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.telescope.driver.field import SelectionCode
from scheduler.telescope.night.night_programme import Rule
from scheduler.telescope.night.progress import FieldState, after_observation, state_from_json, state_to_json
from scheduler.telescope.night.rules import Choice, choose
from tests.harness.runs.examples import examples
from tests.scheduler.telescope.expected_choices import Expected, expected_choice, field_lists
from tests.scheduler.telescope.nights import MINUTE_D, NIGHT, at, states_at

EVENING_FLAT = "0 0 E 5 0 3 0"
DOME_FLAT = "0 0 L 5 0 3 0"
DARK = "0 0 N 60 0 3 0"
FOCUS = "0 0 F 10 0 5 0 0.05 27"
OFFSET = "0 0 P 10 0 1 0"
SETS_EARLY = "1 -30 Y 60 1800 3 0"
SETS_LATER = "3 -30 Y 60 1800 3 0"
SETS_AT_DAWN = "6 -30 Y 60 1800 3 0"
RISES_LATER = "8 -30 Y 60 1800 3 0"


def choose_from(*lines: str, clock: str = "03:00", previous: int | None = None, bad_weather: bool = False,
                rule: Rule = "priority") -> Choice:  # fmt: skip
    states = states_at(at("20:00"), *lines)
    return choice_of(states, clock, previous=previous, bad_weather=bad_weather, rule=rule)


def choice_of(states: Sequence[FieldState], clock: str, *, previous: int | None = None, bad_weather: bool = False,
              rule: Rule = "priority") -> Choice:  # fmt: skip
    before = None if previous is None else states[previous].field.id
    return choose(states, at(clock), NIGHT, bad_weather=bad_weather, previous=before, rule=rule)


def number_of(choice: Choice) -> int | None:
    return choice.field.number if choice.field else None


def with_done(states: Sequence[FieldState], index: int, *clocks: str) -> list[FieldState]:
    """The states after observations of one of the fields."""
    found = list(states)
    for clock in clocks:
        found[index] = after_observation(found[index], at(clock))
    return found


def with_interval(states: Sequence[FieldState], index: int, hours: float) -> list[FieldState]:
    return [replace(state, interval_h=hours) if place == index else state for place, state in enumerate(states)]


def test_must_do_comes_before_flats_and_darks() -> None:
    choice = choose_from(DOME_FLAT, DARK, SETS_EARLY, "6 -30 Y 60 1800 3 3")
    assert (number_of(choice), choice.selection) == (3, SelectionCode.LEAST_TIME_READY_MUST_DO)
    assert choice.reason == "It must be done, with 3 observations left and 4.14 h to spare."


def test_of_must_do_fields_the_fewest_left_comes_first_then_the_least_time() -> None:
    lines = ["3 -30 Y 60 600 3 3", "6 -30 Y 60 600 3 4", "5 -30 Y 60 600 3 3"]
    assert number_of(choose_from(*lines)) == 0
    observed = with_done(states_at(at("20:00"), *lines), 1, "02:00")
    assert number_of(choice_of(observed, "03:00")) == 1


def test_a_late_must_do_has_its_interval_shortened_so_that_all_fits() -> None:
    choice = choose_from(DARK, SETS_EARLY, "3 -30 Y 60 7200 3 3", clock="03:00")
    assert (number_of(choice), choice.selection) == (2, SelectionCode.LEAST_TIME_LATE_MUST_DO)
    assert choice.reason == (
        "It must be done, and its 3 observations do not fit: its interval is shortened from 7200 s to 6015 s."
    )
    assert choice.state is not None
    assert choice.state.interval_h * 3 == pytest.approx((choice.state.jd_set - at("03:00")) * 24)


def test_of_late_must_do_fields_the_latest_comes_first() -> None:
    assert number_of(choose_from("3 -30 Y 60 7200 3 3", "3 -31 Y 60 10000 3 3")) == 1


def test_a_flat_comes_before_a_dark_and_a_dark_before_focus() -> None:
    flat = choose_from(SETS_EARLY, FOCUS, DARK, DOME_FLAT, DOME_FLAT)
    dark = choose_from(SETS_EARLY, FOCUS, DARK, DARK)
    focus = choose_from(SETS_EARLY, OFFSET, FOCUS)
    assert [(number_of(choice), choice.selection) for choice in (flat, dark, focus)] == [
        (3, SelectionCode.FIRST_DO_NOW_FLAT),
        (2, SelectionCode.FIRST_DO_NOW_DARK),
        (1, SelectionCode.FIRST_DO_NOW),
    ]
    assert [choice.reason for choice in (flat, dark, focus)] == [
        "It is the first flat that can be taken now.",
        "It is the first dark that can be taken now.",
        "It is the first focus or offset exposure that can be taken now.",
    ]


def test_a_dark_that_must_be_done_is_a_dark() -> None:
    choice = choose_from("0 0 N 60 0 3 3", DOME_FLAT)
    assert (number_of(choice), choice.selection) == (1, SelectionCode.FIRST_DO_NOW_FLAT)


@pytest.mark.parametrize(
    ("line", "clock", "is_taken"),
    [
        ("0 -1 N 60 0 3 0", "23:30", True),
        ("0 -1 N 60 0 3 0", "00:20", False),
        ("0 0 N 60 0 3 0", "23:25", False),
        ("0 0 N 60 0 3 0", "00:20", True),
        ("0 0 N 60 0 3 0", "08:40", False),
        ("0 1 N 60 0 3 0", "08:30", False),
        ("0 1 N 60 0 3 0", "08:40", True),
        ("0 7 N 60 0 3 0", "23:30", True),
        ("0 7 N 60 0 3 0", "09:25", True),
        ("0 0 E 5 0 3 0", "23:45", False),
        ("0 0 E 5 0 3 0", "00:00", True),
        ("0 0 E 5 0 3 0", "00:20", False),
        ("0 0 M 5 0 3 0", "08:30", False),
        ("0 0 M 5 0 3 0", "08:45", True),
        ("0 0 M 5 0 3 0", "09:10", False),
        ("0 0 F 10 0 5 0 .05 27", "00:10", False),
        ("0 0 F 10 0 5 0 .05 27", "00:20", True),
    ],
)
def test_calibrations_are_taken_in_their_part_of_the_night(line: str, clock: str, is_taken: bool) -> None:
    assert (choose_from(line, clock=clock).state is not None) == is_taken


def test_the_pair_of_the_previous_field_comes_before_fields_with_less_time() -> None:
    lines = [SETS_EARLY, "6 -30 Y 60 1800 3 0", "6.05 -30 Y 60 1800 3 0"]
    assert number_of(choose_from(*lines)) == 0
    choice = choose_from(*lines, previous=1)
    assert (number_of(choice), choice.selection) == (2, SelectionCode.FIRST_READY_PAIR)
    assert choice.reason == "It is the pair of field 1."


@pytest.mark.parametrize(
    ("second", "is_pair"),
    [
        ("6.05 -30 Y 60 1800 3 0", True),
        ("5.95 -30 Y 60 1800 3 0", True),
        ("6.06 -30 Y 60 1800 3 0", False),
        ("6.05 -30.1 Y 60 1800 3 0", False),
    ],
)
def test_a_pair_has_one_declination_and_is_close_in_right_ascension(second: str, is_pair: bool) -> None:
    """0.05 h at the equator are 0.0577 h at the declination -30°."""
    choice = choose_from(SETS_EARLY, SETS_AT_DAWN, second, previous=1)
    assert (number_of(choice) == 2) == is_pair


def test_a_pair_may_be_on_both_sides_of_zero_hours() -> None:
    choice = choose_from("23.99 -30 Y 60 0 3 0", "0.01 -30 Y 60 0 3 0", SETS_EARLY, clock="00:30", previous=0)
    assert number_of(choice) == 1


def test_only_the_next_field_of_the_list_is_a_pair() -> None:
    assert number_of(choose_from("6 -30 Y 60 1800 3 0", SETS_EARLY, "6.05 -30 Y 60 1800 3 0", previous=0)) == 1
    assert number_of(choose_from(SETS_EARLY, "6.05 -30 Y 60 1800 3 0", SETS_AT_DAWN, previous=2)) == 0


def test_the_pair_of_a_calibration_is_none() -> None:
    assert number_of(choose_from(SETS_EARLY, "6 -30 P 60 0 1 0", SETS_AT_DAWN, clock="03:00", previous=1)) == 1


def test_a_late_pair_has_its_interval_shortened() -> None:
    states = with_interval(states_at(at("20:00"), SETS_EARLY, SETS_LATER, "3.01 -30 Y 60 1800 3 0"), 2, 3)
    choice = choice_of(states, "03:00", previous=1)
    assert (number_of(choice), choice.selection) == (2, SelectionCode.FIRST_LATE_PAIR)
    assert choice.reason == "It is the pair of field 1, and late: its interval is shortened from 10800 s to 6027 s."


def test_a_pair_is_observed_although_it_is_not_due() -> None:
    states = with_done(states_at(at("20:00"), SETS_EARLY, SETS_LATER, "3.01 -30 Y 60 1800 3 0"), 2, "02:50")
    choice = choice_of(states, "03:00", previous=1)
    assert (number_of(choice), choice.selection) == (2, SelectionCode.FIRST_NOT_READY_NOT_LATE_PAIR)
    assert choice.reason == "It is the pair of field 1, although it is not due yet."


def test_a_finished_pair_is_not_observed_again() -> None:
    states = with_done(states_at(at("20:00"), SETS_EARLY, SETS_LATER, "3.01 -30 Y 60 1800 1 0"), 2, "01:00")
    assert number_of(choice_of(states, "03:00", previous=1)) == 0


def test_of_ready_fields_the_fewest_left_comes_first_then_the_least_time() -> None:
    lines = [SETS_AT_DAWN, SETS_LATER, "3 -31 Y 60 1800 2 0"]
    choice = choose_from(*lines)
    assert (number_of(choice), choice.selection) == (2, SelectionCode.LEAST_TIME_READY)
    assert choice.reason == "It has the fewest left, 2 observations, and the least to spare, 4.01 h."
    assert number_of(choose_from(*lines[:2])) == 1


def test_of_equal_fields_the_first_of_the_list_comes_first() -> None:
    assert number_of(choose_from(RISES_LATER, SETS_LATER, SETS_LATER, clock="02:00")) == 1


def test_a_late_field_with_the_most_time_comes_last_with_a_shorter_interval() -> None:
    late, later = "3 -30 Y 60 7200 3 0", "3 -31 Y 60 7400 3 0"
    choice = choose_from(later, late, RISES_LATER, clock="03:00")
    assert (number_of(choice), choice.selection) == (1, SelectionCode.MOST_TIME_READY_LATE)
    assert choice.reason == (
        "No field is ready, and of the late ones it has the most time: its interval is shortened from 7200 s to 6015 s."
    )
    assert number_of(choose_from(late, SETS_AT_DAWN, clock="03:00")) == 1


def test_a_field_is_due_104_seconds_before_its_interval_is_over() -> None:
    states = with_done(states_at(at("20:00"), SETS_LATER), 0, "02:00")
    assert choice_of(states, "02:28").state is None
    assert choice_of(states, "02:28").reason == "No field can be observed now; the next is field 0 (sky) at 02:28 UTC."
    assert number_of(choice_of(states, "02:29")) == 0


def test_an_observation_may_begin_when_its_field_sets() -> None:
    (state,) = states_at(at("20:00"), "3 -30 Y 60 0 1 0")
    sets_now = replace(state, jd_set=at("03:00"))
    assert choice_of([sets_now], "03:00").selection == SelectionCode.LEAST_TIME_READY
    assert choice_of([sets_now], "03:01").state is None


def test_without_a_field_the_scheduler_waits() -> None:
    choice = choose_from(RISES_LATER, clock="00:30")
    assert (choice.field, choice.selection) == (None, SelectionCode.NOT_SELECTED)
    assert choice.reason == "No field can be observed now; the next is field 0 (sky) at 04:25 UTC."


def test_when_all_is_done_no_field_is_left() -> None:
    states = with_done(states_at(at("20:00"), "3 -30 Y 60 0 1 0", "5 45 Y 60 0 1 0"), 0, "02:00")
    assert choice_of(states, "03:00").reason == "No field is left to observe."
    assert choice_of((), "03:00").reason == "No field is left to observe."


@pytest.mark.parametrize("clock", ["23:15", "09:45", "20:00"])
def test_by_day_nothing_is_observed(clock: str) -> None:
    choice = choose_from(DOME_FLAT, "0 7 N 60 0 3 0", clock=clock)
    assert (choice.state, choice.reason) == (None, "The Sun is up.")


def test_in_bad_weather_darks_and_dome_flats_alone_are_taken() -> None:
    assert number_of(choose_from(SETS_EARLY, FOCUS, OFFSET, DARK, bad_weather=True)) == 3
    assert number_of(choose_from(SETS_EARLY, FOCUS, DOME_FLAT, bad_weather=True)) == 2
    waiting = choose_from(SETS_EARLY, FOCUS, bad_weather=True)
    assert (waiting.state, waiting.reason) == (None, "The weather is bad: field 0 (sky) needs an open dome.")
    calibrations = choose_from(FOCUS, OFFSET, bad_weather=True)
    assert calibrations.reason == "The weather is bad, and all fields that are left need an open dome."


def test_in_bad_weather_evening_flats_wait() -> None:
    assert choose_from(EVENING_FLAT, clock="00:00", bad_weather=True).state is None
    assert number_of(choose_from(EVENING_FLAT, clock="00:00")) == 0


def test_the_scheduler_waits_in_bad_weather_for_a_field_that_must_be_done() -> None:
    choice = choose_from(DARK, "3 -30 Y 60 1800 3 3", bad_weather=True)
    assert (choice.state, choice.reason) == (None, "The weather is bad: field 1 (sky) needs an open dome.")


def test_a_wait_for_the_weather_shortens_no_interval() -> None:
    choice = choose_from("3 -30 Y 60 7200 3 3", bad_weather=True)
    assert choice.state is None
    assert [state.interval_h for state in choice.states] == [2]


def test_the_sequential_rule_goes_through_the_list_once() -> None:
    lines = [SETS_LATER, RISES_LATER, DOME_FLAT, "1 -30 Y 60 1800 3 3"]
    choices = [choose_from(*lines, clock="01:00", previous=previous, rule="sequential") for previous in (None, 0, 2, 3)]
    assert [number_of(choice) for choice in choices] == [0, 2, 3, None]
    assert choices[0].selection == SelectionCode.SEQUENTIAL
    assert choices[0].reason == "It is the next field of the list that can be observed."
    assert choices[3].reason == "No field is left to observe."


def test_the_sequential_rule_waits_for_what_comes_after_the_previous_field() -> None:
    choice = choose_from(SETS_EARLY, SETS_LATER, RISES_LATER, clock="01:00", previous=1, rule="sequential")
    assert choice.reason == "No field can be observed now; the next is field 2 (sky) at 04:25 UTC."


def test_the_sequential_rule_leaves_out_late_fields() -> None:
    assert number_of(choose_from("3 -30 Y 60 7200 3 0", SETS_AT_DAWN, clock="03:00", rule="sequential")) == 1


def test_a_previous_field_that_is_no_longer_in_the_list_does_not_count() -> None:
    states = states_at(at("20:00"), SETS_LATER)
    assert choose(states, at("03:00"), NIGHT, previous="s 9.000000 -9.000000 1").state is not None


def test_each_field_that_is_passed_over_has_a_reason() -> None:
    lines = [
        DARK, FOCUS, SETS_EARLY, SETS_LATER, RISES_LATER, "5 45 Y 60 0 1 0", "0 -1 N 60 0 3 0", "4 -30 Y 60 600 2 0",
        "2 -31 Y 60 600 1 0", "3 -31 Y 60 7200 3 0", DOME_FLAT,
    ]  # fmt: skip
    states = with_done(with_done(states_at(at("20:00"), *lines), 7, "02:55"), 8, "01:00")
    choice = choice_of(states, "03:00")
    assert number_of(choice) == 10
    assert {passed.field.number: passed.reason for passed in choice.passed_over()} == {
        0: "It can be taken now; field 10 (domeskyflat) comes first.",
        1: "It can be taken now; field 10 (domeskyflat) comes first.",
        2: "It is ready with 3 observations left and 1.52 h to spare; field 10 (domeskyflat) comes first.",
        3: "It is ready with 3 observations left and 3.51 h to spare; field 10 (domeskyflat) comes first.",
        4: "It can be observed from 04:25 UTC on.",
        5: "It never rises: while it is dark, its airmass is not below 2 within 4.3 h of the meridian.",
        6: "It could be observed until 00:17 UTC.",
        7: "It is due again at 03:05 UTC.",
        8: "It is finished: 1 observation of 1.",
        9: "It is late: its 3 observations do not fit by 0.99 h; field 10 (domeskyflat) comes first.",
    }


def test_while_the_scheduler_waits_all_fields_have_a_reason() -> None:
    passed = choose_from(FOCUS, "3 -30 Y 60 1800 3 3", DARK, bad_weather=True).passed_over()
    assert [reason for _, reason in passed] == [
        "The weather is bad, and it needs an open dome.",
        "It is ready with 3 observations left and 3.51 h to spare; but the scheduler waits.",
        "It can be taken now; but the scheduler waits.",
    ]


@st.composite
def scenes(draw: st.DrawFn) -> tuple[list[FieldState], float, bool, int | None]:
    """States in the middle of a night, its time, whether the weather is bad, and the index of the previous field."""
    jd = draw(st.floats(NIGHT.sunset, NIGHT.sunrise, exclude_max=True))
    states = [draw(progress_of(state, jd)) for state in states_at(NIGHT.sunset, *draw(field_lists))]
    return states, jd, draw(st.booleans()), draw(st.none() | st.integers(0, len(states) - 1))


@st.composite
def progress_of(draw: st.DrawFn, state: FieldState, jd: float) -> FieldState:
    done = draw(st.integers(0, state.field.n_required))
    due = draw(st.sampled_from([state.jd_next, jd - 30 * MINUTE_D, jd + MINUTE_D, jd + 30 * MINUTE_D]))
    interval_h = draw(st.sampled_from([state.interval_h, state.interval_h / 3]))
    return replace(state, n_done=done, jd_next=due if done else state.jd_next, interval_h=interval_h)


def summary(choice: Choice) -> Expected | None:
    return choice.state and Expected(
        choice.states.index(next(state for state in choice.states if state.field == choice.field)),
        choice.selection,
        choice.state.interval_h,
    )


@examples(400)
@given(scenes(), st.sampled_from(["priority", "sequential"]))
def test_a_choice_is_that_of_the_rules_written_once_more(
    scene: tuple[list[FieldState], float, bool, int | None], rule: Rule
) -> None:
    states, jd, bad_weather, previous = scene
    before = None if previous is None else states[previous].field.id
    choice = choose(states, jd, NIGHT, bad_weather=bad_weather, previous=before, rule=rule)
    assert summary(choice) == expected_choice(states, jd, bad_weather, previous, rule)


@examples(100)
@given(scenes())
def test_a_choice_from_states_that_were_stored_is_the_same(
    scene: tuple[list[FieldState], float, bool, int | None],
) -> None:
    states, jd, bad_weather, _ = scene
    stored = json.loads(json.dumps([state_to_json(state) for state in states]))
    loaded = [state_from_json(state.field, values) for state, values in zip(states, stored, strict=True)]
    choice, again = (choose(found, jd, NIGHT, bad_weather=bad_weather) for found in (states, loaded))
    assert choice == again


@examples(100)
@given(scenes())
def test_each_field_is_chosen_or_passed_over_with_a_sentence(
    scene: tuple[list[FieldState], float, bool, int | None],
) -> None:
    states, jd, bad_weather, _ = scene
    choice = choose(states, jd, NIGHT, bad_weather=bad_weather)
    passed = choice.passed_over()
    assert len(passed) + (choice.state is not None) == len(states)
    assert {reason.endswith(".") and reason[0].isupper() for _, reason in [*passed, (None, choice.reason)]} == {True}
