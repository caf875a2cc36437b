"""The rules by which the scheduler chooses the next field, on arrays: a choice among 500 fields takes about 50 µs.

`scheduler.telescope.night.rules` has the same for states, with sentences.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from scheduler.telescope.night.night_programme import Rule
from scheduler.telescope.night.progress import FieldState

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
