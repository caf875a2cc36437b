"""The next field of a night: first the scheduler's rules on arrays, by which a choice among 500 fields takes about 50
µs; then the same for states, with sentences: why it is chosen, and why each of the others is not. Pure: the time is
an argument."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scheduler.telescope.driver.field import (
    DARK_CODE,
    DOME_FLAT_CODE,
    EVENING_FLAT_CODE,
    MORNING_FLAT_CODE,
    SKY_CODE,
    FieldStatus,
    SelectionCode,
)
from scheduler.telescope.night.field_file import ListedField
from scheduler.telescope.night.night import Night
from scheduler.telescope.night.night_programme import Rule
from scheduler.telescope.night.progress import FieldState, clock

Mask = NDArray[np.bool_]
PAIR_WIDTH_H = 0.05
"""Of right ascension at the equator: fields of a pair are closer."""


class Selection(NamedTuple):
    chosen: int
    """Its index."""
    code: SelectionCode
    interval_h: float | None = None
    """The shortened interval, with which the observations that are left fit exactly."""


class FieldTable:
    """The states of all fields in columns. A plan changes it with each observation; it is not for several threads."""

    def __init__(self, states: Sequence[FieldState]) -> None:
        shutter = np.array([state.field.shutter for state in states], np.int64)
        self.is_sky = shutter == SKY_CODE
        self.is_dark = shutter == DARK_CODE
        self.is_flat = np.isin(shutter, (DOME_FLAT_CODE, EVENING_FLAT_CODE, MORNING_FLAT_CODE))
        self.needs_no_sky = np.isin(shutter, (DARK_CODE, DOME_FLAT_CODE))
        self.is_must_do = np.array([state.field.is_must_do for state in states], np.bool_)
        self.is_possible = np.array([not state.problem for state in states], np.bool_)
        self.ra = [state.field.ra for state in states]
        self.dec = [state.field.dec for state in states]
        self.n_left = np.array([state.n_left for state in states], np.int64)
        self.jd_rise = np.array([state.jd_rise for state in states], np.float64)
        self.jd_set = np.array([state.jd_set for state in states], np.float64)
        self.interval_h = np.array([state.interval_h for state in states], np.float64)
        self.jd_open = np.array([state.jd_open for state in states], np.float64)

    def update(self, index: int, state: FieldState) -> None:
        """Take over the state of a field after an observation."""
        self.n_left[index], self.interval_h[index] = state.n_left, state.interval_h
        self.jd_open[index] = state.jd_open

    def unfinished(self, jd: float) -> Mask:
        """The fields of which something may still be observed, now or later."""
        mask: Mask = self.is_possible & (self.n_left > 0) & (jd <= self.jd_set)
        return mask

    def hours_to_spare(self, jd: float) -> NDArray[np.float64]:
        """Until a field sets, beyond what the observations that are left take."""
        spare: NDArray[np.float64] = (self.jd_set - jd) * 24 - self.n_left * self.interval_h
        return spare

    def statuses(self, jd: float, bad_weather: bool) -> NDArray[np.int64]:
        """FieldStatus of each field."""
        sky = np.where(self.hours_to_spare(jd) < 0, FieldStatus.TOO_LATE, FieldStatus.READY)
        other = np.where(self.needs_no_sky | (not bad_weather), FieldStatus.DO_NOW, FieldStatus.NOT_DOABLE)
        can_begin = self.unfinished(jd) & (jd >= self.jd_open)
        found: NDArray[np.int64] = np.where(can_begin, np.where(self.is_sky, sky, other), FieldStatus.NOT_DOABLE)
        return found

    def fitting_interval_h(self, index: int, jd: float) -> float:
        """With which the observations that are left fit until the field sets."""
        return float((self.jd_set[index] - jd) * 24 / self.n_left[index])


def select(table: FieldTable, jd: float, bad_weather: bool, previous: int | None, rule: Rule) -> Selection | None:
    """The next field, or None if none can be observed now. `previous` is the index of the one before.

    A field of the sky may be chosen in bad weather: the scheduler then waits for it.
    """
    statuses = table.statuses(jd, bad_weather)
    if rule == "sequential":
        return _select_in_order(statuses, previous)
    ready = statuses == FieldStatus.READY
    late = statuses == FieldStatus.TOO_LATE
    do_now = statuses == FieldStatus.DO_NOW
    spare = table.hours_to_spare(jd)
    if (must_do := ready & table.is_must_do).any():
        return Selection(_fewest_left(table, must_do, spare), SelectionCode.LEAST_TIME_READY_MUST_DO)
    if (must_do := late & table.is_must_do).any():
        index = int(np.where(must_do, spare, np.inf).argmin())
        return Selection(index, SelectionCode.LEAST_TIME_LATE_MUST_DO, table.fitting_interval_h(index, jd))
    if do_now.any():
        return _select_do_now(table, do_now)
    if (pair := _pair_of(table, previous, jd)) is not None:
        return _select_pair(table, pair, FieldStatus(int(statuses[pair])), jd)
    if ready.any():
        return Selection(_fewest_left(table, ready, spare), SelectionCode.LEAST_TIME_READY)
    if late.any():
        index = int(np.where(late, spare, -np.inf).argmax())
        return Selection(index, SelectionCode.MOST_TIME_READY_LATE, table.fitting_interval_h(index, jd))
    return None


def _select_in_order(statuses: NDArray[np.int64], previous: int | None) -> Selection | None:
    first = 0 if previous is None else previous + 1
    found = np.flatnonzero(statuses[first:] > 0)
    return Selection(first + int(found[0]), SelectionCode.SEQUENTIAL) if found.size else None


def _fewest_left(table: FieldTable, mask: Mask, spare: NDArray[np.float64]) -> int:
    """With the fewest observations left, then with the least time to spare, then the first."""
    indices = np.flatnonzero(mask)
    left = table.n_left[indices]
    indices = indices[left == left.min()]
    return int(indices[spare[indices].argmin()])


def _select_do_now(table: FieldTable, do_now: Mask) -> Selection:
    if (flats := do_now & table.is_flat).any():
        return Selection(int(flats.argmax()), SelectionCode.FIRST_DO_NOW_FLAT)
    if (darks := do_now & table.is_dark).any():
        return Selection(int(darks.argmax()), SelectionCode.FIRST_DO_NOW_DARK)
    return Selection(int(do_now.argmax()), SelectionCode.FIRST_DO_NOW)


def _pair_of(table: FieldTable, previous: int | None, jd: float) -> int | None:
    """The next field of the list, if it is beside the previous one on the sky and not finished."""
    if previous is None or previous + 1 >= len(table.ra):
        return None
    pair = previous + 1
    are_sky = table.is_sky[previous] and table.is_sky[pair]
    if not are_sky or table.dec[previous] != table.dec[pair] or not table.unfinished(jd)[pair]:
        return None
    apart = abs((table.ra[pair] - table.ra[previous] + 12) % 24 - 12)
    return pair if apart * np.cos(np.radians(table.dec[pair])) < PAIR_WIDTH_H else None


def _select_pair(table: FieldTable, pair: int, status: FieldStatus, jd: float) -> Selection:
    if status == FieldStatus.READY:
        return Selection(pair, SelectionCode.FIRST_READY_PAIR)
    if status != FieldStatus.TOO_LATE:
        return Selection(pair, SelectionCode.FIRST_NOT_READY_NOT_LATE_PAIR)
    return Selection(pair, SelectionCode.FIRST_LATE_PAIR, table.fitting_interval_h(pair, jd))


WAIT_S = 10.0
"""When no field can be observed, the scheduler looks again after this time."""


class PassedOver(NamedTuple):
    field: ListedField
    reason: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What to observe at `jd`."""

    state: FieldState | None
    """Of the chosen field, with its `selection`, and with a shorter interval if it is late. It replaces the state that
    it had. None: wait WAIT_S and choose again."""
    reason: str
    """A sentence."""
    jd: float
    states: tuple[FieldState, ...]
    """Among which it is chosen, as they were before."""
    bad_weather: bool

    @property
    def field(self) -> ListedField | None:
        return self.state.field if self.state else None

    @property
    def selection(self) -> SelectionCode:
        return self.state.selection if self.state else SelectionCode.NOT_SELECTED

    def passed_over(self) -> list[PassedOver]:
        """All other fields, with the reason of each. 500 fields take about 5 ms."""
        table = FieldTable(self.states)
        statuses, spare = table.statuses(self.jd, self.bad_weather), table.hours_to_spare(self.jd)
        return [
            PassedOver(state.field, self._reason_against(state, FieldStatus(int(status)), float(hours)))
            for state, status, hours in zip(self.states, statuses, spare, strict=True)
            if state.field != self.field
        ]

    def _reason_against(self, state: FieldState, status: FieldStatus, spare_h: float) -> str:
        if status == FieldStatus.NOT_DOABLE:
            return reason_not_doable(state, self.jd)
        first = f"; {self.field.title} comes first." if self.field else "; but the scheduler waits."
        if status == FieldStatus.DO_NOW:
            return f"It can be taken now{first}"
        left = observations(state.n_left)
        if status == FieldStatus.TOO_LATE:
            return f"It is late: its {left} do not fit by {-spare_h:.2f} h{first}"
        return f"It is ready with {left} left and {spare_h:.2f} h to spare{first}"


def choose(
    states: Sequence[FieldState],
    jd: float,
    night: Night,
    *,
    bad_weather: bool = False,
    previous: str | None = None,
    rule: Rule = "priority",
) -> Choice:
    """What to observe at the Julian date `jd`. `previous` is the id of the field that was observed before.

    The same arguments give the same choice, so that a night can go on from its stored states after any interruption.
    500 fields take about 1 ms. In bad weather darks and dome flats alone are observed: while the rules call for another
    field, such as one that must be done, the scheduler waits.
    """
    states = tuple(states)

    def wait(reason: str) -> Choice:
        return Choice(None, reason, jd, states, bad_weather)

    if not night.sunset <= jd < night.sunrise:
        return wait("The Sun is up.")
    table = FieldTable(states)
    before = _index_of(states, previous)
    selection = select(table, jd, bad_weather, before, rule)
    if selection is None:
        return wait(reason_to_wait(_candidates(states, before, rule), jd, bad_weather))
    state = states[selection.chosen]
    if bad_weather and state.field.shutter == SKY_CODE:
        return wait(f"The weather is bad: {state.field.title} needs an open dome.")
    spare_h = float(table.hours_to_spare(jd)[selection.chosen])
    reason = reason_for(selection, states, spare_h, before)
    return Choice(selected_state(state, selection), reason, jd, states, bad_weather)


def could_choose(
    states: Sequence[FieldState], begin: float, end: float, *, previous: str | None = None, rule: Rule = "priority"
) -> bool:
    """Whether a field could have been observed from `begin` to `end`, in good weather, if nothing was."""
    candidates = _candidates(states, _index_of(states, previous), rule)
    return any(
        not state.problem and state.n_left > 0 and state.jd_open <= end and state.jd_set >= begin
        for state in candidates
    )  # fmt: skip


def _index_of(states: Sequence[FieldState], field: str | None) -> int | None:
    return next((index for index, state in enumerate(states) if state.field.id == field), None)


def _candidates(states: Sequence[FieldState], before: int | None, rule: Rule) -> Sequence[FieldState]:
    """The sequential rule does not come back to a field."""
    return states if rule == "priority" or before is None else states[before + 1 :]


def selected_state(state: FieldState, selection: Selection) -> FieldState:
    interval_h = state.interval_h if selection.interval_h is None else selection.interval_h
    return replace(state, selection=selection.code, interval_h=interval_h)


def reason_for(selection: Selection, states: Sequence[FieldState], spare_h: float, previous: int | None) -> str:
    """A sentence about a field that is chosen. `spare_h` is its time to spare before its interval is shortened."""
    state = states[selection.chosen]
    left, pair = observations(state.n_left), f"It is the pair of field {states[previous or 0].field.number}"
    shorter = ""
    if selection.interval_h is not None:
        shorter = (
            f"its interval is shortened from {state.interval_h * 3600:.0f} s to {selection.interval_h * 3600:.0f} s."
        )
    return {
        SelectionCode.FIRST_DO_NOW_FLAT: "It is the first flat that can be taken now.",
        SelectionCode.FIRST_DO_NOW_DARK: "It is the first dark that can be taken now.",
        SelectionCode.FIRST_DO_NOW: "It is the first focus or offset exposure that can be taken now.",
        SelectionCode.FIRST_READY_PAIR: f"{pair}.",
        SelectionCode.FIRST_LATE_PAIR: f"{pair}, and late: {shorter}",
        SelectionCode.FIRST_NOT_READY_NOT_LATE_PAIR: f"{pair}, although it is not due yet.",
        SelectionCode.LEAST_TIME_LATE_MUST_DO: f"It must be done, and its {left} do not fit: {shorter}",
        SelectionCode.LEAST_TIME_READY_MUST_DO: f"It must be done, with {left} left and {spare_h:.2f} h to spare.",
        SelectionCode.LEAST_TIME_READY: f"It has the fewest left, {left}, and the least to spare, {spare_h:.2f} h.",
        SelectionCode.MOST_TIME_READY_LATE: f"No field is ready, and of the late ones it has the most time: {shorter}",
        SelectionCode.SEQUENTIAL: "It is the next field of the list that can be observed.",
    }[selection.code]


def reason_to_wait(states: Sequence[FieldState], jd: float, bad_weather: bool) -> str:
    open_states = [state for state in states if not state.problem and state.n_left and jd <= state.jd_set]
    later = [state for state in open_states if state.jd_open > jd]
    if later:
        state = min(later, key=lambda one: one.jd_open)
        return f"No field can be observed now; the next is {state.field.title} at {clock(state.jd_open)}."
    if open_states and bad_weather:
        return "The weather is bad, and all fields that are left need an open dome."
    return "No field is left to observe."


def reason_not_doable(state: FieldState, jd: float) -> str:
    """Why a field cannot be observed now; empty if it can be, or if only the weather is against it."""
    if state.problem:
        return state.problem
    if not state.n_left:
        return f"It is finished: {observations(state.n_done)} of {state.field.n_required}."
    if jd < state.jd_rise:
        return f"It can be observed from {clock(state.jd_rise)} on."
    if jd > state.jd_set:
        return f"It could be observed until {clock(state.jd_set)}."
    if jd < state.jd_open:
        return f"It is due again at {clock(state.jd_next)}."
    return "The weather is bad, and it needs an open dome."


def observations(number: int) -> str:
    return f"{number} observation{'' if number == 1 else 's'}"
