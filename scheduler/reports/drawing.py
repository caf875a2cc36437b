"""The drawings of a report: a time-line and curves of each camera, on one axis of time for each site."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.sky.intervals import Interval
from core.text.sentences import pluralize
from scheduler.planning.clocks import SiteClock
from scheduler.planning.sky import MARGIN, WIDTH, Band, clipped, lights_of
from scheduler.reports.comparison import PastNight
from scheduler.reports.curves import Chart, Curve, charts_of
from scheduler.reports.losses import UNACCOUNTED, Loss
from scheduler.reports.report import CameraReport, Report, minutes_text, reason_text

HEIGHT = 100.0
"""Of a chart, in its own units."""
MOST_BANDS = 400
"""Of losses in one drawing; a band is at least one unit of WIDTH wide."""
LABELS = 9
HOURS = (1, 2, 3, 4, 6)
CLASSES = {
    UNACCOUNTED: "unaccounted",
    "unsafe": "gate",
    **dict.fromkeys(("vetoed", "session_stopped", "station_stopped"), "person"),
    **dict.fromkeys(
        ("camera_error", "camera_unreachable", "camera_hung", "camera_crashed", "camera_held", "rejected_setting",
         "incomplete"), "camera",
    ),
    **dict.fromkeys(("disk_full", "write_error", "root_missing"), "storage"),
    **dict.fromkeys(("overrun", "too_slow", "clock"), "timing"),
}  # fmt: skip
"""Reason -> how the drawing shows it; others are `machine`."""
LEGEND = {
    "unaccounted": "no reason recorded",
    "camera": "camera",
    "gate": "gate closed",
    "person": "a person",
    "machine": "station or host",
    "storage": "storage",
    "timing": "timing",
}


@dataclass(frozen=True, slots=True)
class Tick:
    """`place` in per cent of the width."""

    place: float
    text: str


@dataclass(frozen=True, slots=True)
class Axis:
    begin: datetime
    end: datetime
    ticks: tuple[Tick, ...]

    def x_of(self, at: datetime) -> float:
        return WIDTH * min(1.0, max(0.0, (at - self.begin) / (self.end - self.begin)))

    def band(self, kind: str, span: Interval, title: str = "") -> Band:
        first, last = self.x_of(span[0]), self.x_of(span[1])
        width = max(1.5, last - first)
        return Band(kind, round(min(first, WIDTH - width), 1), round(width, 1), title)


@dataclass(frozen=True, slots=True)
class Line:
    label: str
    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class DrawnChart:
    """`marks`: values of the scale with their places in per cent from the top."""

    title: str
    summary: str
    lines: tuple[Line, ...]
    marks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class CameraDrawing:
    axis: Axis
    lights: tuple[Band, ...]
    moon: tuple[Band, ...]
    runs: tuple[Band, ...]
    covered: tuple[Band, ...]
    losses: tuple[Band, ...]
    now_x: float | None
    charts: tuple[DrawnChart, ...]
    summary: str


def draw_camera(report: Report, one: CameraReport) -> CameraDrawing:
    axis = axis_of([other for other in report.cameras if other.site == one.site], one.clock)
    runs = [(first, last, run.name) for run in one.account.runs for first, last in _windows(run.windows)]
    return CameraDrawing(
        axis=axis,
        lights=tuple(_sky_bands(axis, one)),
        moon=tuple(axis.band("moon", up) for up in clipped(one.sky.moon_up, axis.begin, axis.end)) if one.sky else (),
        runs=tuple(axis.band("run", (first, last), name) for first, last, name in runs),
        covered=tuple(axis.band("covered", span) for span in one.account.covered),
        losses=tuple(_loss_bands(axis, one)),
        now_x=axis.x_of(report.made_at) if axis.begin < report.made_at < axis.end else None,
        charts=tuple(_draw_chart(chart, axis) for chart in charts_of(one.ledger.captures)),
        summary=_summary(one),
    )


def _windows(pairs: Iterable[Sequence[str]]) -> list[Interval]:
    return [(datetime.fromisoformat(begin), datetime.fromisoformat(end)) for begin, end in pairs]


def axis_of(cameras: Sequence[CameraReport], clock: SiteClock) -> Axis:
    """From an hour before sunset to an hour after sunrise, and as far as sessions and losses reach in the night."""
    first = cameras[0]
    twilight = first.sky.twilight if first.sky else None
    # Without sunset and sunrise the axis is as long as what happened.
    edges = [twilight.sunset - MARGIN] if twilight and twilight.sunset else []
    edges += [twilight.sunrise + MARGIN] if twilight and twilight.sunrise else []
    for one in cameras:
        edges += [at for span in one.account.covered for at in span]
        edges += [at for loss in one.losses for span in loss.spans for at in span]
        edges += [at for session in one.account.sessions for at in (session.begin, session.end)]
    begin, end = max(first.begin, min(edges, default=first.begin)), min(first.end, max(edges, default=first.end))
    if begin >= end:
        begin, end = first.begin, max(first.end, first.begin + MARGIN)
    return Axis(begin, end, tuple(_ticks(begin, end, clock)))


def _ticks(begin: datetime, end: datetime, clock: SiteClock) -> Iterable[Tick]:
    hours = (end - begin) / timedelta(hours=1)
    step = next((step for step in HOURS if hours / step <= LABELS), HOURS[-1])
    at = begin.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    # By the hour of the site's clock, also in a zone that is half an hour off.
    at -= timedelta(minutes=at.astimezone(clock.zone).minute)
    while at < end:
        place = 100 * (at - begin) / (end - begin)
        # A text at an edge would be cut off.
        if at > begin and at.astimezone(clock.zone).hour % step == 0 and 3 < place < 97:
            yield Tick(round(place, 2), clock.short(at))
        at += timedelta(hours=1)


def _sky_bands(axis: Axis, one: CameraReport) -> Iterable[Band]:
    for light, first, last in lights_of(one.sky) if one.sky else ():
        if first < axis.end and last > axis.begin:
            yield axis.band(light, (max(first, axis.begin), min(last, axis.end)))


def _loss_bands(axis: Axis, one: CameraReport) -> list[Band]:
    bands = [
        axis.band(class_of(loss), span, f"{one.clock.time(span[0])}: {reason_text(loss.reason)}")
        for loss in one.losses
        for span in loss.spans
    ]
    # Those that a reader could not tell apart are drawn once.
    return list({(band.kind, band.x, band.width): band for band in bands}.values())[:MOST_BANDS]


def class_of(loss: Loss) -> str:
    return CLASSES.get(loss.reason, "machine")


def legend_of(report: Report) -> dict[str, str]:
    """The classes of the losses of a report with their names, in the order of LEGEND."""
    used = {class_of(loss) for _, loss in report.losses}
    return {name: text for name, text in LEGEND.items() if name in used}


def _summary(one: CameraReport) -> str:
    counts = one.account.counts
    lost = f"{pluralize(len(one.losses), 'loss', 'losses')}, listed in the table" if one.losses else "nothing lost"
    return f"Time-line of {one.camera.name}: {counts.saved} of {counts.planned} captures saved, {lost}"


def _draw_chart(chart: Chart, axis: Axis) -> DrawnChart:
    middle = (chart.low * chart.high) ** 0.5 if chart.is_logarithmic else (chart.low + chart.high) / 2
    marks = [Tick(_mark_place(chart.height_of(value)), chart.format(value)) for value in _marks(chart, middle)]
    lines = [Line(curve.label, curve.kind, _path(chart, curve, axis)) for curve in chart.curves]
    return DrawnChart(chart.title, chart.summary, tuple(lines), tuple(marks))


def _mark_place(height: float) -> float:
    """In per cent from the top; a text at an edge would be cut off."""
    return round(min(94.0, max(6.0, 100 * (1 - height))), 1)


def _marks(chart: Chart, middle: float) -> list[float]:
    values = [value for curve in chart.curves for _, value in curve.points]
    if chart.low == 0.0:
        return [0.0, middle, chart.high]
    low, high = min(values), max(values)
    return [low] if high - low < 1e-9 else [low, high]


def _path(chart: Chart, curve: Curve, axis: Axis) -> str:
    begin, span = axis.begin.timestamp(), (axis.end - axis.begin).total_seconds()
    parts, before = [], float("-inf")
    for at, value in curve.points:
        x, y = WIDTH * (at - begin) / span, HEIGHT * (1 - chart.height_of(value))
        # A single point is a line of no length, which round ends make visible.
        parts.append(f"{'L' if at - before <= curve.gap_s else 'M'}{x:.1f} {y:.1f}")
        if at - before > curve.gap_s:
            parts.append(f"L{x:.1f} {y:.1f}")
        before = at
    return "".join(parts)


@dataclass(frozen=True, slots=True)
class Bar:
    """One night of a comparison; its height is in per cent of the highest."""

    x: float
    width: float
    height: float
    title: str
    is_this: bool


@dataclass(frozen=True, slots=True)
class BarChart:
    """`kind` is `saved` or `time`."""

    title: str
    kind: str
    bars: list[Bar]


def compared_nights(report: Report) -> list[PastNight]:
    """The nights before and this one, which is the last."""
    this = PastNight(
        report.night, report.counts.planned, report.counts.saved,
        sum(one.lost.total_seconds() for one in report.cameras),
        {reason: lost.total_seconds() for reason, lost in report.lost_by_reason.items()},
        report.state == "complete",
    )  # fmt: skip
    return [*report.past, this]


def comparison_charts(nights: list[PastNight]) -> list[BarChart]:
    saved = [(float(one.saved), f"{one.night}: {one.saved} saved") for one in nights]
    lost = [(one.lost_s, f"{one.night}: {minutes_text(one.lost_s)} lost") for one in nights]
    return [BarChart("Saved captures", "saved", _bars(saved)), BarChart("Lost time", "time", _bars(lost))]


def _bars(values: list[tuple[float, str]]) -> list[Bar]:
    width, highest = WIDTH / len(values), max(1.0, *(value for value, _ in values))
    return [
        Bar(
            round(number * width, 2), round(0.8 * min(width, WIDTH / 10), 2), round(100 * value / highest, 1), title,
            is_this=number + 1 == len(values),
        )
        for number, (value, title) in enumerate(values)
    ]  # fmt: skip


def report_context(report: Report) -> dict[str, Any]:
    """What the templates of a report show, on the page and in the file."""
    nights = compared_nights(report)
    return {
        "report": report,
        "drawn": [(one, draw_camera(report, one)) for one in report.cameras],
        "legend": legend_of(report),
        "nights": nights,
        "charts": comparison_charts(nights),
    }
