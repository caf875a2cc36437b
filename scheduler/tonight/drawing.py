"""The drawing of a night: bands of daylight, the Moon, and a bar for each run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from core.sky.intervals import Interval
from scheduler.planning.sky import MARGIN, WIDTH, Band, Hour, clipped, lights_of
from scheduler.tonight.night import Night, Run


@dataclass(frozen=True, slots=True)
class Row:
    """The runs of one camera."""

    name: str
    bars: list[Band]


@dataclass(frozen=True, slots=True)
class Drawing:
    begin: datetime
    end: datetime
    lights: list[Band]
    moon: list[Band]
    rows: list[Row]
    hours: list[Hour]
    now_x: float | None


def drawing_of(night: Night, now: datetime) -> Drawing:
    begin, end = _span(night)

    def x_of(at: datetime) -> float:
        return round(WIDTH * min(1.0, max(0.0, (at - begin) / (end - begin))), 1)

    def band(kind: str, first: datetime, last: datetime, title: str = "") -> Band:
        return Band(kind, x_of(first), max(1.0, round(x_of(last) - x_of(first), 1)), title)

    return Drawing(
        begin=begin,
        end=end,
        lights=[band(kind, first, last) for kind, first, last in lights_of(night.sky)] if night.sky else [],
        moon=[band("moon", first, last) for first, last in clipped(night.sky.moon_up, begin, end)] if night.sky else [],
        rows=[
            Row(name, [band(run.state, *window, run.schedule) for run in runs for window in run.windows])
            for name, runs in _by_camera(night.runs)
        ],
        hours=[Hour(x_of(at), at) for at in _hours(begin, end)],
        now_x=x_of(now) if begin < now < end else None,
    )


def _span(night: Night) -> Interval:
    """From an hour before sunset to an hour after sunrise, and all of the night where the Sun does neither."""
    twilight = night.sky.twilight if night.sky else None
    begin = twilight.sunset - MARGIN if twilight and twilight.sunset else night.begin
    end = twilight.sunrise + MARGIN if twilight and twilight.sunrise else night.end
    edges = [run.begin for run in night.runs] + [run.end for run in night.runs]
    begin, end = min([begin, *edges]), max([end, *edges])
    return (begin, end) if begin < end else (begin, begin + MARGIN)


def _hours(begin: datetime, end: datetime) -> Iterable[datetime]:
    at = begin.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    step = timedelta(hours=2 if end - begin > timedelta(hours=9) else 1)
    while at < end:
        yield at
        at += step


def _by_camera(runs: list[Run]) -> Iterable[tuple[str, list[Run]]]:
    ordered = sorted(runs, key=lambda run: (run.camera.name, run.begin))
    return [(name, list(group)) for name, group in groupby(ordered, key=lambda run: run.camera.name)]
