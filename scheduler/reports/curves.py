"""Curves of a night from its captures: at most MOST_POINTS points each, which keep every extreme."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from core.templatetags.skycam import celsius
from core.times.durations import format_rounded_exposure
from scheduler.reports.ledger import CaptureRow

Point = tuple[float, float]
"""Seconds since 1970, and the value."""
MOST_POINTS = 600
BREAK = 3.0
"""A line ends where the next point is further away than this many usual distances."""
BREAK_S = 60.0


@dataclass(frozen=True, slots=True)
class Curve:
    """`kind` decides how its line looks: `first` solid, `second` dashed."""

    label: str
    kind: str
    points: tuple[Point, ...]
    gap_s: float
    """From this distance between two points on, the line is broken."""


@dataclass(frozen=True, slots=True)
class Chart:
    """Curves with one scale. `format` writes a value of the scale."""

    title: str
    curves: tuple[Curve, ...]
    format: Callable[[float], str]
    low: float
    high: float
    is_logarithmic: bool = False

    @property
    def summary(self) -> str:
        """`Exposure from 50 µs to 30 s, median 30 s.`, for who does not see the curve."""
        return " ".join(self._range(curve) for curve in self.curves)

    def _range(self, curve: Curve) -> str:
        values = sorted(value for _, value in curve.points)
        first, middle, last = (self.format(value) for value in (values[0], median(values), values[-1]))
        return f"{curve.label} {first}." if first == last else f"{curve.label} from {first} to {last}, median {middle}."

    def height_of(self, value: float) -> float:
        """From 0, the low end of the scale, to 1."""
        low, high, at = (
            (math.log(self.low), math.log(self.high), math.log(max(value, self.low)))
            if self.is_logarithmic
            else (self.low, self.high, value)
        )
        return min(1.0, max(0.0, (at - low) / (high - low)))


def charts_of(captures: Sequence[CaptureRow]) -> list[Chart]:
    """The charts that these captures have values for. Settings other than the exposure only where they changed."""
    saved = [row for row in captures if row.status == "saved"]
    times = [row.at.timestamp() for row in saved]
    between = [after - before for before, after in pairwise(times)]
    gap_s = BREAK * (median(between) if between else 0.0) + BREAK_S

    def curve(label: str, kind: str, value_of: Callable[[CaptureRow], float | None]) -> Curve | None:
        points = [(at, value) for at, row in zip(times, saved, strict=True) if (value := value_of(row)) is not None]
        if not points:
            return None
        spacing_s = 4 * (points[-1][0] - points[0][0]) / MOST_POINTS if len(points) > MOST_POINTS else 0.0
        return Curve(label, kind, tuple(reduce_points(points)), max(gap_s, spacing_s))

    exposure = _chart(
        "Exposure", [curve("Exposure", "first", lambda row: row.exposure_us or None)], format_rounded_exposure, True
    )
    light = [
        curve("Mean brightness", "first", lambda row: row.mean),
        curve("Saturated pixels", "second", lambda row: row.saturated),
    ]
    changed = [
        _chart(name, [curve(name, "first", value_of)], format_plain, logarithmic)
        for name, value_of, logarithmic in SETTINGS
        if len({value_of(row) for row in saved} - {None}) > 1
    ]
    temperature = [curve("Camera", "first", lambda row: row.temperature)]
    found = [exposure, *changed, _chart("Brightness", light, format_share, scale=(0.0, 1.0))]
    return [chart for chart in [*found, _chart("Temperature", temperature, celsius)] if chart is not None]


def _chart(
    title: str,
    curves: Iterable[Curve | None],
    format_value: Callable[[float], str],
    is_logarithmic: bool = False,
    scale: Point | None = None,
) -> Chart | None:
    known = tuple(curve for curve in curves if curve is not None)
    if not known:
        return None
    values = [value for curve in known for _, value in curve.points]
    # A lens without electronics is recorded as f/0, which has no place on a logarithmic scale.
    is_logarithmic = is_logarithmic and min(values) > 0
    low, high = scale or _scale(min(values), max(values), is_logarithmic)
    return Chart(title, known, format_value, low, high, is_logarithmic)


def _scale(low: float, high: float, is_logarithmic: bool) -> Point:
    """A little more than the values, so that no line lies on the edge."""
    if is_logarithmic:
        return low / 1.5, high * 1.5
    margin = max(0.5, 0.1 * (high - low))
    return low - margin, high + margin


def reduce_points(points: Sequence[Point]) -> list[Point]:
    """At most MOST_POINTS of them, by time: the least and the greatest of each part of the time."""
    if len(points) <= MOST_POINTS:
        return list(points)
    parts, first, last = MOST_POINTS // 2, points[0][0], points[-1][0]
    if last <= first:
        return [min(points, key=lambda point: point[1]), max(points, key=lambda point: point[1])]
    part_s = (last - first) / parts
    found: list[Point] = []
    number, least, greatest = 0, points[0], points[0]
    for point in points:
        # The last point is at the end of the last part.
        part = min(parts - 1, int((point[0] - first) / part_s))
        if part != number:
            found += sorted({least, greatest})
            number, least, greatest = part, point, point
        elif point[1] < least[1]:
            least = point
        elif point[1] > greatest[1]:
            greatest = point
    return [*found, *sorted({least, greatest})]


def format_plain(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def format_share(value: float) -> str:
    return f"{100 * value:.0f} %"


SETTINGS: tuple[tuple[str, Callable[[CaptureRow], float | None], bool], ...] = (
    ("Gain", lambda row: row.gain, False),
    ("ISO", lambda row: row.iso, True),
    ("f-number", lambda row: row.f_number, True),
)
