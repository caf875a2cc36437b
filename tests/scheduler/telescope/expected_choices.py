"""The rules of the scheduler, written once more: every field that can be observed has a rank, and the lowest rank is
observed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import cos, radians
from typing import NamedTuple

from hypothesis import strategies as st

from scheduler.telescope.driver.field import SelectionCode
from scheduler.telescope.night.night import Night
from scheduler.telescope.night.progress import FieldState, after_observation

TEN_SECONDS_D = 10 / 86_400
DUE_EARLY_D = 0.029 / 24
FLATS, DARKS, INDOORS = "lem", "d", "dl"


class Expected(NamedTuple):
    index: int
    code: SelectionCode
    interval_h: float


class Rank(NamedTuple):
    rule: int
    first: float
    second: float
    index: int
    code: SelectionCode


def expected_choice(
    states: Sequence[FieldState], jd: float, bad_weather: bool, previous: int | None, rule: str = "priority"
) -> Expected | None:
    """None: wait."""
    by_rule = _priority_ranks if rule == "priority" else _sequential_ranks
    best = min(by_rule(states, jd, bad_weather, previous), default=None)
    if best is None or (bad_weather and _letter(states[best.index]) not in INDOORS):
        return None
    state = states[best.index]
    is_late = best.rule in {2, 6} or best.code == SelectionCode.FIRST_LATE_PAIR
    left = state.field.n_required - state.n_done
    return Expected(best.index, best.code, (state.jd_set - jd) * 24 / left if is_late else state.interval_h)


def _priority_ranks(states: Sequence[FieldState], jd: float, bad_weather: bool, previous: int | None) -> Iterator[Rank]:
    for index, state in enumerate(states):
        if not _is_unfinished(state, jd):
            continue
        left = state.field.n_required - state.n_done
        spare = (state.jd_set - jd) * 24 - left * state.interval_h
        is_pair = previous is not None and index == previous + 1 and _are_beside(states[previous], state)
        if is_pair and not _is_due(state, jd):
            yield Rank(4, 0, 0, index, SelectionCode.FIRST_NOT_READY_NOT_LATE_PAIR)
        if not _is_due(state, jd):
            continue
        if _letter(state) != "s":
            if _letter(state) in INDOORS or not bad_weather:
                yield _rank_now(index, _letter(state))
            continue
        is_late = spare < 0
        if state.field.survey in {3, 4}:
            yield (
                Rank(2, spare, 0, index, SelectionCode.LEAST_TIME_LATE_MUST_DO)
                if is_late
                else Rank(1, left, spare, index, SelectionCode.LEAST_TIME_READY_MUST_DO)
            )
        if is_pair:
            yield Rank(4, 0, 0, index, SelectionCode.FIRST_LATE_PAIR if is_late else SelectionCode.FIRST_READY_PAIR)
        yield (
            Rank(6, -spare, 0, index, SelectionCode.MOST_TIME_READY_LATE)
            if is_late
            else Rank(5, left, spare, index, SelectionCode.LEAST_TIME_READY)
        )


def _rank_now(index: int, letter: str) -> Rank:
    if letter in FLATS:
        return Rank(3, 0, 0, index, SelectionCode.FIRST_DO_NOW_FLAT)
    if letter in DARKS:
        return Rank(3, 1, 0, index, SelectionCode.FIRST_DO_NOW_DARK)
    return Rank(3, 2, 0, index, SelectionCode.FIRST_DO_NOW)


def _sequential_ranks(
    states: Sequence[FieldState], jd: float, bad_weather: bool, previous: int | None
) -> Iterator[Rank]:
    for index, state in enumerate(states):
        has_passed = previous is not None and index <= previous
        if has_passed or not _is_unfinished(state, jd) or not _is_due(state, jd):
            continue
        left = state.field.n_required - state.n_done
        is_late = (state.jd_set - jd) * 24 < left * state.interval_h
        is_open = not bad_weather or _letter(state) in INDOORS or _letter(state) == "s"
        if is_open and not (_letter(state) == "s" and is_late):
            yield Rank(7, 0, 0, index, SelectionCode.SEQUENTIAL)


def _letter(state: FieldState) -> str:
    return state.field.kind.letter


def _is_unfinished(state: FieldState, jd: float) -> bool:
    return not state.problem and state.n_done < state.field.n_required and jd <= state.jd_set


def _is_due(state: FieldState, jd: float) -> bool:
    return state.jd_rise <= jd and state.jd_next - DUE_EARLY_D <= jd


def _are_beside(one: FieldState, other: FieldState) -> bool:
    apart = abs(one.field.ra - other.field.ra)
    across = min(apart, 24 - apart) * cos(radians(one.field.dec))
    return _letter(one) == _letter(other) == "s" and one.field.dec == other.field.dec and across < 0.05


def expected_night(
    states: Sequence[FieldState], night: Night, rule: str = "priority", overhead_s: float = 50.0
) -> list[tuple[str, SelectionCode, int]]:
    """A whole night in good weather, in steps of ten seconds: the id, the code and the seconds since sunset of each
    observation."""
    current, previous, jd = list(states), None, night.sunset
    found: list[tuple[str, SelectionCode, int]] = []
    waiting_since, steps = jd, 0
    while jd < night.sunrise:
        choice = expected_choice(current, jd, False, previous, rule)
        if choice is None:
            steps += 1
            jd = waiting_since + steps * TEN_SECONDS_D
            continue
        state = replace(current[choice.index], interval_h=choice.interval_h)
        found.append((state.field.id, choice.code, round((jd - night.sunset) * 86_400)))
        current[choice.index] = after_observation(state, jd)
        focus_s = 20.0 if _letter(state) == "f" else 0.0
        jd += (state.field.exposure_s + overhead_s + focus_s) / 86_400
        previous = choice.index
        waiting_since, steps = jd, 0
    return found


sky_lines = st.builds(
    "{:.2f} {} Y {} {} {} {}".format,
    st.tuples(st.integers(0, 23), st.sampled_from([0, 0.02, 0.04, 0.06])).map(sum),
    st.sampled_from([-60, -30, -30, 0]),
    st.sampled_from([30, 300, 1000]),
    st.sampled_from([0, 600, 3600, 7200]),
    st.integers(1, 5),
    st.sampled_from([0, 0, 0, 1, 2, 3, 4]),
)
other_lines = st.one_of(
    st.builds("0 {} N 100 {} {} {}".format, st.sampled_from([-1, 0, 1, 2]), st.sampled_from([0, 3600]),
              st.integers(1, 4), st.sampled_from([0, 3])),
    st.builds("0 0 {} 20 0 {} 0".format, st.sampled_from("EMLP"), st.integers(1, 3)),
    st.builds("0 0 F 20 0 {} 0 0.05 27".format, st.integers(1, 5)),
)  # fmt: skip
field_lists = st.lists(sky_lines | sky_lines | sky_lines | other_lines, min_size=1, max_size=12)
"""Lines of a field file, of which some are equal and some are pairs."""
