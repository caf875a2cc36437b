"""A time-line as pages draw it: the window of time that it shows, its controls and its marks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self
from uuid import UUID

from django.utils import timezone

from captures.days import parse_moment
from captures.recordings.clips.selectors import known_until
from captures.recordings.clips.timeline import Row as Clip
from captures.recordings.clips.timeline import Span, Timeline, timeline
from core.text.sentences import pluralize
from core.times.timestamps import in_utc

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


SPANS = tuple(timedelta(minutes=minutes) for minutes in (1, 10, 60, 360))
"""The spans of the zoom buttons, besides the whole day."""
LEAST_SPAN = SPANS[0]
WINDOW_STEPS = 720
"""Steps of a window: segments that are closer together are drawn as one."""
MAX_TICKS = 12
TICK_S = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800)


@dataclass(frozen=True, slots=True)
class Window:
    """From `begin` to before `end`, within `day`."""

    begin: datetime
    end: datetime
    day: tuple[datetime, datetime]

    @classmethod
    def within(cls, day: tuple[datetime, datetime], middle: datetime, span: timedelta) -> Self:
        """A window of `span` around `middle`, moved and shortened to fit into the day. In whole milliseconds."""
        first, last = day
        span = max(LEAST_SPAN, min(span, last - first))
        begin = min(max(middle - span / 2, first), last - span)
        # Addresses have milliseconds (`stamp`): the window of a link must be the same window.
        begin -= timedelta(microseconds=begin.microsecond % 1000)
        return cls(begin, begin + span, day)

    @classmethod
    def of(cls, given: Mapping[str, str], day: tuple[datetime, datetime]) -> Self | None:
        """The window of `from` and `to`; None if they are missing or outside the day."""
        begin, end = parse_moment(given.get("from", "")), parse_moment(given.get("to", ""))
        if begin is None or end is None or not begin < end or end <= day[0] or begin >= day[1]:
            return None
        return cls.within(day, begin + (end - begin) / 2, end - begin)

    @property
    def span(self) -> timedelta:
        return self.end - self.begin

    @property
    def step(self) -> timedelta:
        return self.span / WINDOW_STEPS

    @property
    def whole(self) -> bool:
        return (self.begin, self.end) == self.day

    def zoomed(self, middle: datetime, *, closer: bool) -> Self | None:
        """The next shorter or longer span around `middle`; None at either end."""
        spans = [*SPANS, self.day[1] - self.day[0]]
        found = [span for span in spans if (span < self.span if closer else span > self.span)]
        return self.within(self.day, middle, found[-1] if closer else found[0]) if found else None

    def moved(self, spans: float) -> Self | None:
        """The window moved by `spans` of its length; None at the start or end of the day."""
        found = self.within(self.day, self.begin + self.span * (0.5 + spans), self.span)
        return found if found.begin != self.begin else None

    @property
    def ticks(self) -> list[datetime]:
        """Round times in the reader's time zone, at most MAX_TICKS."""
        step = next((step for step in TICK_S if self.span.total_seconds() / step <= MAX_TICKS), TICK_S[-1])
        local = timezone.localtime(self.begin)
        # In UTC: a difference within one time zone is that of the clocks, and an hour off after they changed.
        midnight = in_utc(local.replace(hour=0, minute=0, second=0, microsecond=0))
        passed = (in_utc(local) - midnight) // timedelta(seconds=step)
        first = midnight + passed * timedelta(seconds=step)
        every = [first + number * timedelta(seconds=step) for number in range(MAX_TICKS + 2)]
        return [tick for tick in every if self.begin <= tick < self.end]

    @property
    def in_seconds(self) -> bool:
        """Whether its ticks are closer than a minute."""
        return self.span.total_seconds() / 60 < MAX_TICKS

    def values(self, *, named: bool = False) -> dict[str, str]:
        """Query parameters; empty for the whole day unless `named`."""
        return {} if self.whole and not named else {"from": stamp(self.begin), "to": stamp(self.end)}


def stamp(moment: datetime) -> str:
    text = in_utc(moment).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Control:
    """A button of the time-line with its address, empty if it is disabled."""

    name: str
    label: str
    glyph: str
    key: str
    link: str


def window_controls(window: Window, middle: datetime, link: Callable[[Window], str]) -> list[Control]:
    """The buttons for `window`; zooming keeps `middle` in view."""
    wanted = [
        ("out", "Zoom out", "zoomo", "-", window.zoomed(middle, closer=False)),
        ("in", "Zoom in", "zoomi", "+", window.zoomed(middle, closer=True)),
        ("earlier", "Earlier", "left", "", window.moved(-0.5)),
        ("later", "Later", "right", "", window.moved(0.5)),
    ]
    return [Control(name, label, glyph, key, link(found) if found else "") for name, label, glyph, key, found in wanted]
