"""The sky of a telescope's night as a drawing: the height of each field, the Moon, twilight, and what is observed.

Needs NumPy: web processes import it with the first drawing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.sky.equatorial import Equatorial
from core.sky.sidereal import hour_angle, local_sidereal_hours
from scheduler.planning.sky import WIDTH, Band, Hour
from scheduler.telescope.field_lists.plans import NightProgress
from scheduler.telescope.night.night import Night
from scheduler.telescope.night.night_plan import PlannedObservation
from scheduler.telescope.night.progress import FieldState
from scheduler.telescope.night.sky import altitude, julian_date, time_of

HEIGHT = 300.0
LOWEST, HIGHEST = 0.0, 90.0
"""Degrees at the lower and the upper edge."""
STEP_D = 1 / 96
MOST_CURVES = 60
"""More curves could not be told apart."""
MARGIN_D = 0.5 / 24
AIRMASSES = ((30.0, "2"), (41.8, "1.5"), (65.4, "1.1"))
"""Altitude in degrees -> the airmass there."""


@dataclass(frozen=True, slots=True)
class Curve:
    """The height of a field; `points` of an SVG polyline."""

    name: str
    points: str


@dataclass(frozen=True, slots=True)
class Mark:
    """An observation: where it is in the drawing, and what it says."""

    x: float
    y: float
    title: str
    kind: str
    """`done` or `planned`."""


@dataclass(frozen=True, slots=True)
class Grid:
    y: float
    label: str


@dataclass(frozen=True, slots=True)
class SkyDrawing:
    lights: list[Band]
    curves: list[Curve]
    moon: str
    marks: list[Mark]
    hours: list[Hour]
    airmasses: list[Grid]
    now_x: float | None
    left_out: int
    """Fields without a curve, because there are too many."""


def sky_drawing(progress: NightProgress, now: datetime) -> SkyDrawing:
    """From half an hour before sunset to half an hour after sunrise."""
    night = progress.night
    scale = Scale(night.sunset - MARGIN_D, night.sunrise + MARGIN_D)
    drawn = [state for state in progress.states if state.place is not None and not state.problem]
    now_jd = julian_date(now)
    return SkyDrawing(
        lights=[*_lights(night, scale)],
        curves=[_curve(state, night, scale) for state in drawn[:MOST_CURVES]],
        moon=_points(night.moon, night, scale),
        marks=_marks(progress, scale),
        hours=[*_hours(scale)],
        airmasses=[Grid(y_of(degrees), label) for degrees, label in AIRMASSES],
        now_x=scale.x(now_jd) if scale.begin < now_jd < scale.end else None,
        left_out=max(0, len(drawn) - MOST_CURVES),
    )


@dataclass(frozen=True, slots=True)
class Scale:
    begin: float
    end: float

    def x(self, jd: float) -> float:
        share = (jd - self.begin) / (self.end - self.begin)
        return round(WIDTH * min(1.0, max(0.0, share)), 1)

    def times(self) -> Iterator[float]:
        jd = self.begin
        while jd < self.end:
            yield jd
            jd += STEP_D
        yield self.end


def y_of(degrees: float) -> float:
    share = (min(HIGHEST, max(LOWEST, degrees)) - LOWEST) / (HIGHEST - LOWEST)
    return round(HEIGHT * (1 - share), 1)


def altitude_at(place: Equatorial, night: Night, jd: float) -> float:
    """Degrees."""
    lst = local_sidereal_hours(time_of(jd).timestamp(), night.site.longitude)
    return altitude(hour_angle(lst, place.ra), place.dec, night.site.latitude)


def _points(place: Equatorial, night: Night, scale: Scale) -> str:
    return " ".join(f"{scale.x(jd)},{y_of(altitude_at(place, night, jd))}" for jd in scale.times())


def _curve(state: FieldState, night: Night, scale: Scale) -> Curve:
    assert state.place is not None
    return Curve(state.field.comment.strip() or state.field.title, _points(state.place, night, scale))


def _lights(night: Night, scale: Scale) -> Iterator[Band]:
    edges: Sequence[tuple[str, float, float]] = (
        ("day", scale.begin, night.sunset), ("nautical", night.sunset, night.begin),
        ("dark", night.begin, night.end), ("nautical", night.end, night.sunrise), ("day", night.sunrise, scale.end),
    )  # fmt: skip
    for kind, begin, end in edges:
        if end > begin:
            yield Band(kind, scale.x(begin), round(scale.x(end) - scale.x(begin), 1))


def _marks(progress: NightProgress, scale: Scale) -> list[Mark]:
    names = {state.field.id: state.field.comment.strip() or state.field.title for state in progress.states}
    latitude = progress.night.site.latitude
    places = {state.field.id: state.place for state in progress.states}
    marks = []
    for one in progress.observed:
        place = places.get(one.field_key)
        degrees = altitude(one.ha_h, place.dec, latitude) if place and one.ha_h is not None else LOWEST
        title = f"{one.observed_at:%H:%M:%S} {names.get(one.field_key, one.field_key)}: {one.reason}"
        marks.append(Mark(scale.x(one.jd), y_of(degrees), title, "done"))
    return [*marks, *(_planned_mark(one, scale) for one in progress.plan.observations)]


def _planned_mark(one: PlannedObservation, scale: Scale) -> Mark:
    name = one.field.comment.strip() or one.field.title
    title = f"{time_of(one.jd):%H:%M:%S} {name}: {one.reason}"
    return Mark(scale.x(one.jd), y_of(one.altitude or LOWEST), title, "planned")


def _hours(scale: Scale) -> Iterator[Hour]:
    hour = 1 / 24
    jd = (int(scale.begin / hour) + 1) * hour
    # Julian days begin at noon, so their hours are those of UTC.
    while jd < scale.end:
        yield Hour(scale.x(jd), time_of(jd + 1e-6).replace(minute=0, second=0, microsecond=0))
        jd += hour
