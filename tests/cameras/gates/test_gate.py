"""Gates: limits, hysteresis, minimum times, and values that are unknown."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.gates.gate import Gate, GateState, Reading, evaluate, judge

RAIN = Gate("rain", unsafe_above=0.2, safe_below=0.1, unsafe_for_s=5.0, safe_for_s=60.0)
ROOF = Gate("roof", safe_values=("open", "true"), unsafe_values=("closed", "false"), safe_for_s=0.0)


def after(gate: Gate, *readings: tuple[float, float | str | None], state: GateState | None = None) -> GateState:
    """The state after these readings, each a second and a value."""
    state = state or GateState.initial(gate, 0.0)
    for now, value in readings:
        state = evaluate(gate, state, Reading(value), now)
    return state


def opened(gate: Gate) -> GateState:
    return GateState(is_open=True, since=0.0)


def closed(gate: Gate) -> GateState:
    return GateState(is_open=False, since=0.0, limit=0.2, sentence="The gate rain is closed: 0.4 is above 0.2.")


# Limits


@pytest.mark.parametrize(
    ("value", "safety"),
    [(0.1, "safe"), (-5, "safe"), (0.15, "between"), (0.2, "between"), (0.21, "unsafe"), ("0.05", "safe")],
)
def test_a_value_is_judged_by_the_limits(value: float | str, safety: str) -> None:
    assert judge(RAIN, Reading(value)).safety == safety


def test_without_a_safe_limit_a_gate_opens_at_the_unsafe_one() -> None:
    battery = Gate("battery", unsafe_below=0)
    assert judge(battery, Reading(0.0)).safety == "safe"
    assert judge(battery, Reading(-0.1)).safety == "unsafe"


def test_a_safe_limit_of_zero_is_a_limit() -> None:
    rain = Gate("rain", unsafe_above=0.2, safe_below=0)
    frost = Gate("frost", unsafe_below=-2, safe_above=0)
    assert [judge(rain, Reading(value)).safety for value in (0.0, 0.1)] == ["safe", "between"]
    assert [judge(frost, Reading(value)).safety for value in (0.0, -1.0)] == ["safe", "between"]


def test_a_gate_may_have_a_limit_on_both_sides() -> None:
    warm = Gate("housing", unsafe_above=40, safe_below=35, unsafe_below=-20, safe_above=-15)
    found = [judge(warm, Reading(float(value))).safety for value in (-21, -17, 0, 37, 41)]
    assert found == ["unsafe", "between", "safe", "between", "unsafe"]


@pytest.mark.parametrize(
    ("value", "safety"),
    [(" Open\n", "safe"), ("CLOSED", "unsafe"), ("ajar", "unknown"), ("", "unknown"), (1.0, "unknown")],
)
def test_a_word_is_judged_by_the_lists(value: float | str, safety: str) -> None:
    assert judge(ROOF, Reading(value)).safety == safety


def test_with_safe_values_alone_every_other_word_is_unsafe() -> None:
    assert judge(Gate("roof", safe_values=("open", "1")), Reading("ajar")).safety == "unsafe"
    assert judge(Gate("roof", safe_values=("open", "1")), Reading(1.0)).safety == "safe"


def test_a_gate_with_limits_and_words_takes_both() -> None:
    gate = Gate("rain", unsafe_above=0.2, unsafe_values=("rain",))
    assert [judge(gate, Reading(value)).safety for value in ("rain", "0.1", 0.3)] == ["unsafe", "safe", "unsafe"]


# What a closed gate says


def test_a_closed_gate_names_gate_value_and_limit() -> None:
    state = after(RAIN, (0, 0.4))
    assert state.sentence == "The gate rain is closed: 0.4 is above 0.2."
    assert (state.value, state.limit) == (0.4, 0.2)


def test_it_says_why_it_closed_until_it_opens() -> None:
    state = after(RAIN, (10, 0.15), (20, 0.05), state=closed(RAIN))
    assert (state.sentence, state.value, state.limit) == ("The gate rain is closed: 0.4 is above 0.2.", 0.05, 0.2)
    assert after(RAIN, (80, 0.05), state=state).sentence == ""


def test_words_are_named_as_well() -> None:
    assert after(ROOF, (0, "Closed")).sentence == "The gate roof is closed: closed is an unsafe value."
    assert (
        after(Gate("r", safe_values=("ok",)), (0, "no")).sentence
        == "The gate r is closed: no is not a safe value (ok)."
    )


# Hysteresis and minimum times


def test_between_the_limits_it_stays_as_it_is() -> None:
    assert after(RAIN, (0, 0.15), (100, 0.15), state=opened(RAIN)).is_open
    assert not after(RAIN, (0, 0.15), (100, 0.15), state=closed(RAIN)).is_open


def test_an_unsafe_value_has_to_last() -> None:
    assert after(RAIN, (10, 0.4), (14.9, 0.4), state=opened(RAIN)).is_open
    assert not after(RAIN, (10, 0.4), (15, 0.4), state=opened(RAIN)).is_open
    assert after(RAIN, (10, 0.4), (12, 0.1), (14, 0.4), (18, 0.4), state=opened(RAIN)).is_open


def test_a_safe_value_has_to_last() -> None:
    assert not after(RAIN, (10, 0.05), (69.9, 0.05), state=closed(RAIN)).is_open
    assert after(RAIN, (10, 0.05), (70, 0.05), state=closed(RAIN)).is_open
    assert not after(RAIN, (10, 0.05), (40, 0.15), (41, 0.05), (80, 0.05), state=closed(RAIN)).is_open


@given(
    st.lists(
        st.tuples(st.floats(0.1, 30), st.none() | st.floats(-1, 1) | st.sampled_from(["x", "nan", "0.3"])),
        min_size=2,
        max_size=80,
    ),
    st.floats(0, 40),
    st.floats(0, 40),
)
def test_a_gate_never_changes_faster_than_its_minimum_times(
    steps: list[tuple[float, float | str | None]], unsafe_for_s: float, safe_for_s: float
) -> None:
    gate = Gate("rain", unsafe_above=0.2, safe_below=0.1, unsafe_for_s=unsafe_for_s, safe_for_s=safe_for_s)
    now, state = 0.0, GateState.initial(gate, 0.0)
    changes = [(now, state.is_open)]
    for pause_s, value in steps:
        now += pause_s
        state = evaluate(gate, state, Reading(value), now)
        if state.is_open != changes[-1][1]:
            changes.append((now, state.is_open))
        assert bool(state.sentence) is not state.is_open
    for (before, _), (at, is_open) in pairwise(changes):
        assert at - before >= (safe_for_s if is_open else unsafe_for_s) - 1e-9


# Unknown values

UNKNOWN = st.none() | st.sampled_from([math.nan, math.inf, -math.inf, "", "nan", "rain", "1,5", "0x1"])


@given(st.lists(st.tuples(st.floats(0.1, 1000), UNKNOWN), min_size=1, max_size=20))
def test_a_gate_whose_value_is_never_known_never_opens(steps: list[tuple[float, float | str | None]]) -> None:
    gate = Gate("rain", unsafe_above=0.2, safe_for_s=0.0)
    now, state = 0.0, GateState.initial(gate, 0.0)
    for pause_s, value in steps:
        now += pause_s
        state = evaluate(gate, state, Reading(value), now)
        assert not state.is_open
        assert state.value is None
        assert state.unknown_since is not None
        assert "unknown" in state.sentence


@given(st.lists(st.tuples(st.floats(0.1, 1000), UNKNOWN), min_size=1, max_size=20))
def test_with_unknown_as_safe_it_stays_open(steps: list[tuple[float, float | str | None]]) -> None:
    gate = Gate("rain", unsafe_above=0.2, unknown_is_safe=True)
    now, state = 0.0, GateState.initial(gate, 0.0)
    for pause_s, value in steps:
        now += pause_s
        state = evaluate(gate, state, Reading(value), now)
        assert state.is_open


def test_an_unknown_value_closes_the_gate_with_the_error_of_its_source() -> None:
    gate = Gate("rain", unsafe_above=0.2)
    state = evaluate(gate, opened(gate), Reading(None, "The file is 300 s old."), 10.0)
    assert state.sentence == "The gate rain is closed: its value is unknown. The file is 300 s old."
    assert (state.value, state.limit, state.unknown_since) == (None, None, 10.0)


def test_it_is_known_again_with_the_next_value() -> None:
    gate = Gate("rain", unsafe_above=0.2)
    state = after(gate, (10, None), (20, None))
    assert state.unknown_since == 0.0
    assert after(gate, (30, 0.1), state=state).unknown_since is None


def test_no_reading_at_all_is_unknown() -> None:
    assert not evaluate(RAIN, opened(RAIN), None, 10.0).value
    assert evaluate(RAIN, closed(RAIN), None, 10.0).sentence.endswith("There is no reading yet.")
