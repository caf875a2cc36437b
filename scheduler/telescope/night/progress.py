"""How far a field of a list is in a night: when it is high enough in the dark, how often it was observed, and when it
is due again. A state is immutable. Times are Julian dates (UTC)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite, isnan, radians
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from core.sky.equatorial import Equatorial, apparent_places, galactic, separation
from core.sky.sidereal import local_sidereal_hours
from scheduler.telescope.driver.field import (
    DARK_CODE,
    DOME_FLAT_CODE,
    EVENING_FLAT_CODE,
    FOCUS_CODE,
    MAX_OBS_PER_FIELD,
    MORNING_FLAT_CODE,
    OFFSET_CODE,
    SKY_CODE,
    SelectionCode,
    SurveyCode,
)
from scheduler.telescope.night.field_file import ListedField
from scheduler.telescope.night.field_lists import EarlierObservation
from scheduler.telescope.night.night import SHORTEST_OBSERVATION_D, Night
from scheduler.telescope.night.sky import SIDEREAL_RATE, time_of, wall_seconds

FLAT_WAIT_D = 0.5 / 24
"""Between sunset and the first evening flat, and between the last morning flat and sunrise."""
MAX_MOON_ILLUMINATION = 0.5
MIN_MOON_SEPARATION = 15.0
"""Degrees, when more of the Moon is lit."""
MIN_DEC, MAX_DEC = -89.0, 30.0
MIN_SUPERNOVA_LATITUDE = 15.0
"""Degrees from the plane of the galaxy."""
NEVER = -1.0
"""`jd_rise` and `jd_set` of a field that is not observable."""
POINTINGS = {
    FOCUS_CODE: Equatorial(-1, 0),
    OFFSET_CODE: Equatorial(-1, 0),
    EVENING_FLAT_CODE: Equatorial(-3, 0),
    MORNING_FLAT_CODE: Equatorial(3, 0),
}
"""Code of a kind of field -> the hour angle and the declination of its first observation. The line's columns do not
count."""


@dataclass(frozen=True, slots=True)
class FieldState:
    field: ListedField
    problem: str
    """A sentence that says why it is not observed in this night; empty if it can be."""
    jd_rise: float
    jd_set: float
    jd_next: float
    """When it is due."""
    interval_h: float
    """Shorter than that of its line when all its observations would not fit otherwise."""
    n_done: int = 0
    selection: SelectionCode = SelectionCode.NOT_SELECTED
    """Of its last observation."""
    place: Equatorial | None = None
    """Where it is, of the equinox of the date. None for darks and dome flats, and for a kind of POINTINGS before its
    first observation."""

    @property
    def n_left(self) -> int:
        return max(0, self.field.n_required - self.n_done)

    @property
    def jd_open(self) -> float:
        """From here on it can be observed, until it sets: it has risen, and is due within SHORTEST_OBSERVATION_D."""
        return max(self.jd_rise, self.jd_next - SHORTEST_OBSERVATION_D)

    def pointing(self, lst: float) -> Equatorial | None:
        """Where the telescope points for the next observation; None for darks and dome flats, for which it does not
        move. A field of the sky is where its line says; the other kinds keep the place of their first observation."""
        if self.field.shutter == SKY_CODE:
            return Equatorial(self.field.ra, self.field.dec)
        first = POINTINGS.get(self.field.shutter)
        if self.place is not None or first is None:
            return self.place
        return Equatorial((lst - first.ra) % 24 % 24, first.dec)


def begin_night(fields: Sequence[ListedField], night: Night, jd: float) -> tuple[FieldState, ...]:
    """The states of fields before their first observation, as decided at `jd`: at sunset, or when a field is added.
    500 fields take about 10 ms."""
    places = apparent_places((Equatorial(field.ra, field.dec) for field in fields), time_of(night.midnight))
    rises, sets = observable_windows(places, night, jd)
    windows = zip(rises.tolist(), sets.tolist(), strict=True)
    return tuple(
        _begin_sky(field, night, place, *window) if field.shutter == SKY_CODE else _begin_other(field, night, jd)
        for field, place, window in zip(fields, places, windows, strict=True)
    )


def after_observation(state: FieldState, jd: float, place: Equatorial | None = None) -> FieldState:
    """The state after an observation that began at `jd`. `place` is where the telescope pointed, of the equinox of the
    date: the kinds of POINTINGS keep it."""
    return replace(
        state,
        n_done=state.n_done + 1,
        jd_next=jd + state.interval_h / 24,
        place=state.place or (place if state.field.shutter in POINTINGS else None),
    )


def after_observations(
    states: Sequence[FieldState], observed: Iterable[EarlierObservation], night: Night
) -> tuple[FieldState, ...]:
    """The states after observations of the same night, in the order of time. One of a field that is not in the list
    any more counts for nothing."""
    by_id = {state.field.id: state for state in states}
    for one in observed:
        if (state := by_id.get(one["field"])) is not None:
            chosen = replace(state, selection=SelectionCode(one["selection"]), interval_h=one["interval_h"])
            lst = local_sidereal_hours(time_of(one["jd"]).timestamp(), night.site.longitude)
            by_id[one["field"]] = after_observation(chosen, one["jd"], state.place or state.pointing(lst))
    return tuple(by_id.values())


def after_bad_readout(state: FieldState, jd: float) -> FieldState:
    """The state when the last observation turns out to be lost: it is due again at once."""
    return replace(state, n_done=max(0, state.n_done - 1), jd_next=jd)


def reload_states(
    fields: Sequence[ListedField], states: Sequence[FieldState], night: Night, jd: float
) -> tuple[FieldState, ...]:
    """The states of a list that was edited while the night runs. A field whose id is known keeps what was observed of
    it, and also its window and interval if its line says the same. All others begin at `jd`."""
    known = {state.field.id: state for state in states}
    changed = [field for field in fields if not _is_as_before(field, known.get(field.id))]
    # Whether the observations still fit is decided for those that are left.
    left = [replace(field, n_required=_left(field, known.get(field.id))) for field in changed]
    fresh = {
        field.id: _reload(replace(state, field=field), known.get(field.id))
        for field, state in zip(changed, begin_night(left, night, jd), strict=True)
    }
    return tuple(fresh.get(field.id) or replace(known[field.id], field=field) for field in fields)


def _is_as_before(field: ListedField, before: FieldState | None) -> bool:
    if before is None:
        return False
    old = before.field
    return (old.interval_s, old.n_required, old.survey) == (field.interval_s, field.n_required, field.survey)


def _left(field: ListedField, before: FieldState | None) -> int:
    return max(1, field.n_required - (before.n_done if before else 0))


def _reload(fresh: FieldState, before: FieldState | None) -> FieldState:
    if before is None:
        return fresh
    state = replace(fresh, n_done=before.n_done, selection=before.selection, place=before.place or fresh.place)
    if before.n_done:
        return replace(state, jd_next=before.jd_next + (state.interval_h - before.interval_h) / 24)
    return state


def _begin_sky(field: ListedField, night: Night, place: Equatorial, rises: float, sets: float) -> FieldState:
    never = isnan(rises)
    window = (NEVER, NEVER) if never else (rises, sets)
    problem = _sky_problem(field, night, place, *window)
    return FieldState(field, problem, *window, jd_next=window[0], interval_h=field.interval_s / 3600, place=place)


def _sky_problem(field: ListedField, night: Night, place: Equatorial, rises: float, sets: float) -> str:
    """In the order in which the scheduler looks for one."""
    if not night.has_dark_time:
        return "The Sun stays less than 12° below the horizon in this night."
    if rises == NEVER:
        return (
            f"It never rises: while it is dark, its airmass is not below {MAX_AIRMASS:g} within "
            f"{MAX_HOUR_ANGLE_H:g} h of the meridian."
        )
    away = separation(place, night.moon)
    if night.moon_illumination > MAX_MOON_ILLUMINATION and away < MIN_MOON_SEPARATION:
        return (
            f"The Moon is {away:.1f}° away and {night.moon_illumination:.0%} lit; a field is at least "
            f"{MIN_MOON_SEPARATION:g}° from a Moon of more than {MAX_MOON_ILLUMINATION:.0%}."
        )
    if not MIN_DEC <= field.dec <= MAX_DEC:
        return f"Its declination is {field.dec:g}°; the telescope points from {MIN_DEC:g}° to {MAX_DEC:g}°."
    up_h, needed_h = (sets - rises) * 24, (field.n_required - 1) * field.interval_s / 3600
    if needed_h > up_h and not field.is_must_do:
        return f"It is up for {up_h:.2f} h, and its {field.n_required} observations take {needed_h:.2f} h."
    latitude = galactic(Equatorial(field.ra, field.dec))[1]
    if field.survey == SurveyCode.SNE and abs(latitude) < MIN_SUPERNOVA_LATITUDE:
        return (
            f"Its galactic latitude is {latitude:.1f}°; supernova fields are at least {MIN_SUPERNOVA_LATITUDE:g}° away."
        )
    return ""


def _begin_other(field: ListedField, night: Night, jd: float) -> FieldState:
    begin, end = _calibration_window(field, night)
    first = max(begin, jd)
    problem = ""
    if begin >= end:
        problem = "This night has no time for it."
    elif first >= end:
        problem = f"Its time ended at {clock(end)}."
    return FieldState(field, problem, first, end, jd_next=first, interval_h=field.interval_s / 3600)


def _calibration_window(field: ListedField, night: Night) -> tuple[float, float]:
    """When a field that is no place of the sky is observed."""
    evening, dark, morning = (night.sunset, night.begin), (night.begin, night.end), (night.end, night.sunrise)
    whole = (night.sunset, night.sunrise)
    if field.shutter == DARK_CODE:
        return {-1.0: evening, 0.0: dark, 1.0: morning}.get(field.dec, whole)
    return {
        DOME_FLAT_CODE: whole,
        FOCUS_CODE: dark,
        OFFSET_CODE: dark,
        EVENING_FLAT_CODE: (night.sunset + FLAT_WAIT_D, night.begin),
        MORNING_FLAT_CODE: (night.end, night.sunrise - FLAT_WAIT_D),
    }[field.shutter]


def clock(jd: float) -> str:
    """As sentences name a time of the night: `03:12 UTC`."""
    return f"{time_of(jd):%H:%M} UTC"


class Progress(TypedDict):
    """A state as JSON, without what the field's line says."""

    id: str
    problem: str
    jd_rise: float
    jd_set: float
    jd_next: float
    interval_h: float
    n_done: int
    selection: int
    place: list[float] | None


def state_to_json(state: FieldState) -> Progress:
    place = state.place
    return {
        "id": state.field.id,
        "problem": state.problem,
        "jd_rise": state.jd_rise,
        "jd_set": state.jd_set,
        "jd_next": state.jd_next,
        "interval_h": state.interval_h,
        "n_done": state.n_done,
        "selection": int(state.selection),
        "place": None if place is None else [place.ra, place.dec],
    }


def state_from_json(field: ListedField, values: Mapping[str, Any]) -> FieldState:
    """The state that `state_to_json` wrote for this field. ValueError for anything else, such as a damaged file."""
    try:
        place = values["place"]
        state = FieldState(
            field=field,
            problem=str(values["problem"]),
            jd_rise=float(values["jd_rise"]),
            jd_set=float(values["jd_set"]),
            jd_next=float(values["jd_next"]),
            interval_h=float(values["interval_h"]),
            n_done=int(values["n_done"]),
            selection=SelectionCode(values["selection"]),
            place=None if place is None else Equatorial(*map(float, place)),
        )
        if values["id"] != field.id or not _is_possible(state):
            raise ValueError("the values do not fit")
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"The progress of {field.title} cannot be read: {error}.") from error
    return state


def _is_possible(state: FieldState) -> bool:
    place = (state.place.ra, state.place.dec) if state.place else ()
    numbers = (state.jd_rise, state.jd_set, state.jd_next, state.interval_h, *place)
    return all(map(isfinite, numbers)) and 0 <= state.n_done <= MAX_OBS_PER_FIELD and state.interval_h >= 0


Floats = NDArray[np.float64]

MAX_AIRMASS = 2.0
MAX_HOUR_ANGLE_H = 4.3


def observable_windows(places: Sequence[Equatorial], night: Night, begin: float) -> tuple[Floats, Floats]:
    """The first and the last time between `begin` (not before the night's own) and the end of the night at which each
    place has an airmass below MAX_AIRMASS and an hour angle of less than MAX_HOUR_ANGLE_H to both sides.

    Julian dates; NaN where there is none. `places` are of the equinox of the date.
    """
    begin, end = max(begin, night.begin), night.end
    ra = np.array([place.ra for place in places], np.float64)
    widest = widest_hour_angles(np.array([place.dec for place in places], np.float64), night.site.latitude)
    lst = local_sidereal_hours(wall_seconds(begin), night.site.longitude)
    at_begin = _within_half_a_day(lst - ra)
    at_end = _within_half_a_day(lst - ra + (end - begin) * 24 * SIDEREAL_RATE)
    until_rise = np.where(np.abs(at_begin) < widest, 0.0, (-widest - at_begin) % 24)
    since_set = np.where(np.abs(at_end) < widest, 0.0, (at_end - widest) % 24)
    rises = begin + until_rise / SIDEREAL_RATE / 24
    never = (widest <= 0) | (rises > end) | (begin >= end)
    return np.where(never, np.nan, rises), np.where(never, np.nan, end - since_set / SIDEREAL_RATE / 24)


def widest_hour_angles(dec: Floats, latitude: float) -> Floats:
    """The hour angles, to both sides, up to which places of these declinations are observable; 0 where never."""
    lowest_sine = 1 / MAX_AIRMASS
    north, up = np.radians(dec), radians(latitude)
    cosines = (lowest_sine - np.sin(north) * np.sin(up)) / (np.cos(north) * np.cos(up))
    hours: Floats = np.degrees(np.arccos(np.clip(cosines, -1, 1))) / 15
    return np.minimum(hours, MAX_HOUR_ANGLE_H)


def _within_half_a_day(hours: Floats) -> Floats:
    within: Floats = (hours + 12) % 24 - 12
    return within
