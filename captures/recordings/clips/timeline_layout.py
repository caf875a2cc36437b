"""The layout of a camera's time-line as a diagram (x in thousandths of its width) and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from captures.recordings.clips.selectors import known_until
from captures.recordings.clips.timeline import Row as Clip
from captures.recordings.clips.timeline import Span, Timeline, timeline
from captures.recordings.clips.windows import Window
from core.text.plurals import pluralize

WIDTH = 1000.0
MIN_WIDTH = 2.0
"""The least width of a mark, so that it is always visible."""
MAX_ROWS = 120
"""The most rows of the table."""


@dataclass(frozen=True, slots=True)
class Mark:
    """`kind` is video, lost or break; a longer gap has no mark. `title` says what it is, and its times."""

    kind: str
    x: float
    width: float
    title: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table, which has the same content as the diagram."""

    kind: str
    what: str
    begin: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return self.end - self.begin


@dataclass(frozen=True, slots=True)
class TimelineLayout:
    """The time-line of one camera in a part of a day. `covered` is the time with video, an upper limit unless `exact`.
    `rows` are in order of time; `more` is how many were left out."""

    slug: str
    name: str
    begin: datetime
    end: datetime
    marks: list[Mark]
    rows: list[Row]
    more: int
    ticks: list[tuple[float, datetime]]
    in_seconds: bool
    covered: timedelta
    exact: bool
    losses: int
    now: float | None

    def x_of(self, moment: datetime) -> float:
        return x_of(moment, self.begin, self.end)


def lay_out_timeline(slug: str, name: str, cameras: Sequence[UUID], window: Window) -> TimelineLayout:
    begin, end = window.begin, window.end
    found = timeline(cameras, Span(begin, end, window.step), known_until(cameras))
    rows = rows_of(found, window.step)
    now = timezone.now()
    return TimelineLayout(
        slug=slug,
        name=name,
        begin=begin,
        end=end,
        marks=marks_of(rows, begin, end),
        rows=sorted(rows, key=lambda row: row.begin)[:MAX_ROWS],
        more=max(0, len(rows) - MAX_ROWS),
        ticks=[(x_of(at, begin, end), at) for at in window.ticks],
        in_seconds=window.in_seconds,
        covered=found.covered,
        exact=found.exact,
        losses=len(found.lost),
        now=x_of(now, begin, end) if begin <= now < end else None,
    )


def rows_of(found: Timeline, step: timedelta) -> list[Row]:
    """In drawing order: later rows are drawn on top."""
    video = [Row("video", "video", one.begin, one.end) for one in found.video]
    lost = [loss_of(clip, step) for clip in found.lost]
    breaks = [
        Row("break", f"no video for {(end - begin).total_seconds():.0f} s", begin, end) for begin, end in found.breaks
    ]
    return video + lost + breaks


def loss_of(clip: Clip, step: timedelta) -> Row:
    """The losses of a clip; a clip that was cut off is marked at its end."""
    if clip.lost_frames:
        return Row("lost", f"{pluralize(clip.lost_frames, 'frame')} lost", clip.started_at, clip.ended_at)
    # One step wide at least, as the moment of the cut has no length.
    return Row("lost", "cut off", max(clip.started_at, clip.ended_at - step), clip.ended_at)


def marks_of(rows: Sequence[Row], begin: datetime, end: datetime) -> list[Mark]:
    return [make_mark(row, (begin, end)) for row in rows]


def make_mark(row: Row, ends: tuple[datetime, datetime]) -> Mark:
    left, right = x_of(max(row.begin, ends[0]), *ends), x_of(min(row.end, ends[1]), *ends)
    title = f"{row.what}, {timezone.localtime(row.begin):%H:%M:%S} to {timezone.localtime(row.end):%H:%M:%S}"
    return Mark(row.kind, left, max(MIN_WIDTH, round(right - left, 2)), title)


def middle_of_content(timelines: Sequence[TimelineLayout], window: Window) -> datetime:
    """The middle of all rows; of the window if there are none."""
    ends = [(max(row.begin, window.begin), min(row.end, window.end)) for layout in timelines for row in layout.rows]
    begin, end = min((one[0] for one in ends), default=window.begin), max((one[1] for one in ends), default=window.end)
    return begin + (end - begin) / 2


def x_of(moment: datetime, begin: datetime, end: datetime) -> float:
    return round((moment - begin) / (end - begin) * WIDTH, 2)
