"""A camera's time-line as a drawing, x in thousandths of its width, so that it fits any screen; and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from captures.clips.selectors import known_until
from captures.clips.timeline import Row as Clip
from captures.clips.timeline import Span, Timeline, timeline
from captures.clips.windows import Window
from core.plurals import pluralize

WIDTH = 1000.0
LEAST = 2.0
"""A loss, a break, and a clip, is never too small to be seen."""
MOST_ROWS = 120
"""Of its table."""


@dataclass(frozen=True, slots=True)
class Part:
    """`look` is video, lost or break; a longer gap is drawn by nothing. `words` say what it is, and from when to
    when."""

    look: str
    x: float
    width: float
    words: str


@dataclass(frozen=True, slots=True)
class Row:
    """The same for a reader who does not see the drawing: what there is, from when to when."""

    look: str
    what: str
    begin: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return self.end - self.begin


@dataclass(frozen=True, slots=True)
class Band:
    """Of one camera, in a part of a day: `covered` is the time with video; where it is not `exact`, at most so long.
    `rows` are in the order of time; `more` is how many were left out."""

    slug: str
    name: str
    begin: datetime
    end: datetime
    parts: list[Part]
    rows: list[Row]
    more: int
    ticks: list[tuple[float, datetime]]
    in_seconds: bool
    covered: timedelta
    exact: bool
    losses: int
    now: float | None

    def x_of(self, moment: datetime) -> float:
        return place(moment, self.begin, self.end)


def band_of(slug: str, name: str, cameras: Sequence[UUID], window: Window) -> Band:
    begin, end = window.begin, window.end
    found = timeline(cameras, Span(begin, end, window.step), known_until(cameras))
    rows = rows_of(found, window.step)
    now = timezone.now()
    return Band(
        slug=slug,
        name=name,
        begin=begin,
        end=end,
        parts=parts_of(rows, begin, end),
        rows=sorted(rows, key=lambda row: row.begin)[:MOST_ROWS],
        more=max(0, len(rows) - MOST_ROWS),
        ticks=[(place(at, begin, end), at) for at in window.ticks],
        in_seconds=window.in_seconds,
        covered=found.covered,
        exact=found.exact,
        losses=len(found.lost),
        now=place(now, begin, end) if begin <= now < end else None,
    )


def rows_of(found: Timeline, step: timedelta) -> list[Row]:
    """What is drawn later lies above."""
    video = [Row("video", "video", one.begin, one.end) for one in found.video]
    lost = [loss_of(clip, step) for clip in found.lost]
    breaks = [
        Row("break", f"no video for {(end - begin).total_seconds():.0f} s", begin, end) for begin, end in found.breaks
    ]
    return video + lost + breaks


def loss_of(clip: Clip, step: timedelta) -> Row:
    """What it lost, from when to when: one that was cut off, at its end."""
    if clip.lost_frames:
        return Row("lost", f"{pluralize(clip.lost_frames, 'frame')} lost", clip.started_at, clip.ended_at)
    return Row("lost", "cut off", max(clip.started_at, clip.ended_at - step), clip.ended_at)


def parts_of(rows: Sequence[Row], begin: datetime, end: datetime) -> list[Part]:
    return [part(row, (begin, end)) for row in rows]


def part(row: Row, ends: tuple[datetime, datetime]) -> Part:
    left, right = place(max(row.begin, ends[0]), *ends), place(min(row.end, ends[1]), *ends)
    words = f"{row.what}, {timezone.localtime(row.begin):%H:%M:%S} to {timezone.localtime(row.end):%H:%M:%S}"
    return Part(row.look, left, max(LEAST, round(right - left, 2)), words)


def middle_of(bands: Sequence[Band], window: Window) -> datetime:
    """Of what there is to see; of the window where that is nothing."""
    ends = [(max(row.begin, window.begin), min(row.end, window.end)) for band in bands for row in band.rows]
    begin, end = min((one[0] for one in ends), default=window.begin), max((one[1] for one in ends), default=window.end)
    return begin + (end - begin) / 2


def place(moment: datetime, begin: datetime, end: datetime) -> float:
    return round((moment - begin) / (end - begin) * WIDTH, 2)
