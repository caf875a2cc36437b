"""The plan of a night: which field is observed when, and why, if the weather stays good. Nothing moves for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import ceil

from core.sky.equatorial import Equatorial
from core.sky.sidereal import hour_angle, local_sidereal_hours
from scheduler.telescope.driver.field import FOCUS_CODE, SelectionCode
from scheduler.telescope.driver.protocol import ONE_AMPLIFIER_READOUT_S, TRANSFER_S
from scheduler.telescope.night.field_file import ListedField
from scheduler.telescope.night.night import Night, night_of
from scheduler.telescope.night.night_programme import Rule
from scheduler.telescope.night.progress import FieldState, after_observation, begin_night, clock
from scheduler.telescope.night.rules import (
    WAIT_S,
    Choice,
    FieldTable,
    PassedOver,
    choose,
    reason_for,
    select,
    selected_state,
)
from scheduler.telescope.night.sky import DAY_S, TelescopeSite, airmass, altitude, wall_seconds


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """How long an observation takes beyond its exposure, in seconds, and by which rule fields are chosen."""

    readout_s: float = ONE_AMPLIFIER_READOUT_S
    transfer_s: float = TRANSFER_S
    slew_s: float = 20.0
    """For the telescope to reach the next field, while the camera is read out."""
    focus_s: float = 20.0
    """To move the focus, before each exposure of a focus sequence."""
    rule: Rule = "priority"

    def duration_s(self, field: ListedField) -> float:
        focus_s = self.focus_s if field.shutter == FOCUS_CODE else 0.0
        return field.exposure_s + max(self.readout_s + self.transfer_s, self.slew_s) + focus_s


@dataclass(frozen=True, slots=True)
class PlannedObservation:
    field: ListedField
    jd: float
    """When its exposure begins."""
    number: int
    """1 for the first observation of the field."""
    selection: SelectionCode
    reason: str
    interval_h: float
    """Of the field from now on."""
    place: Equatorial | None
    """Where the telescope points, of the equinox of the date; None for darks and dome flats."""
    hour_angle: float | None
    altitude: float | None
    airmass: float | None


@dataclass(frozen=True, slots=True)
class NightPlan:
    night: Night
    options: PlanOptions
    begin: float
    """The Julian date from which it is planned."""
    begin_states: tuple[FieldState, ...]
    previous: str | None
    """The id of the field that was observed before."""
    observations: tuple[PlannedObservation, ...]
    end_states: tuple[FieldState, ...]

    @property
    def never_observed(self) -> list[PassedOver]:
        return [self._unobserved(state) for state in self.end_states if not state.n_done]

    @property
    def unfinished(self) -> list[PassedOver]:
        """The fields of which not all is observed, and why no more is."""
        return [self._unobserved(state) for state in self.end_states if state.n_left]

    def states_before(self, index: int) -> tuple[FieldState, ...]:
        """Of all fields before the observation `index`."""
        places = {state.field.id: place for place, state in enumerate(self.begin_states)}
        states = list(self.begin_states)
        for done in self.observations[:index]:
            place = places[done.field.id]
            states[place] = _observe(states[place], done)
        return tuple(states)

    def choice(self, index: int) -> Choice:
        """The choice of the observation `index`, which also says why the other fields were passed over."""
        before = self.observations[index - 1].field.id if index else self.previous
        jd = self.observations[index].jd
        return choose(self.states_before(index), jd, self.night, previous=before, rule=self.options.rule)

    def _unobserved(self, state: FieldState) -> PassedOver:
        if state.problem:
            return PassedOver(state.field, state.problem)
        begin, until = clock(self.begin), clock(state.jd_set)
        if state.jd_set <= self.begin:
            return PassedOver(state.field, f"It could be observed until {until}; this plan begins at {begin}.")
        time = f"{clock(max(state.jd_rise, self.begin))} to {until}"
        reason = f"Other fields came first, or it was not due, while it could be observed: {time}."
        return PassedOver(state.field, reason)


def plan_night(
    fields: Sequence[ListedField], site: TelescopeSite, evening: date, *, options: PlanOptions | None = None
) -> NightPlan:
    """The night that begins on `evening` by the mean time of the site. 500 fields take about 40 ms."""
    night = night_of(site, evening)
    return plan_rest(begin_night(fields, night, night.sunset), night, night.sunset, options=options)


def plan_rest(
    states: Sequence[FieldState],
    night: Night,
    jd: float,
    *,
    previous: str | None = None,
    options: PlanOptions | None = None,
) -> NightPlan:
    """The rest of a night from `jd` on, in which `states` have been reached and `previous` is the id of the field that
    was observed last."""
    options = options or PlanOptions()
    now = begin = max(jd, night.sunset)
    current, table = list(states), FieldTable(states)
    before = next((index for index, state in enumerate(states) if state.field.id == previous), None)
    planned: list[PlannedObservation] = []
    while now < night.sunrise:
        selection = select(table, now, False, before, options.rule)
        if selection is None:
            wait_end = _end_of_wait(table, now)
            if wait_end is None:
                break
            now = wait_end
            continue
        index, state = selection.chosen, current[selection.chosen]
        reason = reason_for(selection, current, float(table.hours_to_spare(now)[index]), before)
        planned.append(_plan_observation(selected_state(state, selection), now, reason, night.site))
        current[index] = _observe(state, planned[-1])
        table.update(index, current[index])
        now += options.duration_s(state.field) / DAY_S
        before = index
    return NightPlan(night, options, begin, tuple(states), previous, tuple(planned), tuple(current))


def _end_of_wait(table: FieldTable, now: float) -> float | None:
    """When the scheduler, which looks every WAIT_S, finds that another field may be observed; None if none will be."""
    waiting = table.unfinished(now) & (table.jd_open > now)
    if not waiting.any():
        return None
    wait_d = WAIT_S / DAY_S
    steps = (float(table.jd_open[waiting].min()) - now) / wait_d
    # A field that opens exactly at a step must not cost another step by rounding.
    return now + max(1, ceil(steps - 0.001)) * wait_d


def _plan_observation(state: FieldState, jd: float, reason: str, site: TelescopeSite) -> PlannedObservation:
    lst = local_sidereal_hours(wall_seconds(jd), site.longitude)
    place = state.place or state.pointing(lst)
    ha = hour_angle(lst, place.ra) if place else None
    height = altitude(ha, place.dec, site.latitude) if place and ha is not None else None
    return PlannedObservation(
        field=state.field,
        jd=jd,
        number=state.n_done + 1,
        selection=state.selection,
        reason=reason,
        interval_h=state.interval_h,
        place=place,
        hour_angle=ha,
        altitude=height,
        airmass=None if height is None else airmass(height),
    )


def _observe(state: FieldState, planned: PlannedObservation) -> FieldState:
    selected = replace(state, selection=planned.selection, interval_h=planned.interval_h)
    return after_observation(selected, planned.jd, planned.place)
