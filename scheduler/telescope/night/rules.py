"""The next field of a night, why it is chosen, and why each of the others is not. Pure: the time is an argument."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from scheduler.telescope.driver.field import SKY_CODE, FieldStatus, SelectionCode
from scheduler.telescope.night.field_file import ListedField
from scheduler.telescope.night.night import Night
from scheduler.telescope.night.night_programme import Rule
from scheduler.telescope.night.progress import FieldState, clock
from scheduler.telescope.night.selection import FieldTable, Selection, select

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
