"""The part of a day that a time-line shows: from the whole day down to a minute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from django.utils import timezone

from captures.days.parameters import parse_moment
from core.times.moments import in_utc

SPANS = tuple(timedelta(minutes=minutes) for minutes in (1, 10, 60, 360))
"""The spans of the zoom buttons, besides the whole day."""
LEAST = SPANS[0]
PIXELS = 720
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
        span = max(LEAST, min(span, last - first))
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
        return self.span / PIXELS

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


def controls(window: Window, middle: datetime, link: Callable[[Window], str]) -> list[Control]:
    """The buttons for `window`; zooming keeps `middle` in view."""
    wanted = [
        ("out", "Zoom out", "zoomo", "-", window.zoomed(middle, closer=False)),
        ("in", "Zoom in", "zoomi", "+", window.zoomed(middle, closer=True)),
        ("earlier", "Earlier", "left", "", window.moved(-0.5)),
        ("later", "Later", "right", "", window.moved(0.5)),
    ]
    return [Control(name, label, glyph, key, link(found) if found else "") for name, label, glyph, key, found in wanted]
