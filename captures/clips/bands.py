"""A camera's time-line as a drawing: x in thousandths of its width, so that it fits any screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from captures.clips.selectors import known_until
from captures.clips.timeline import Row, Span, Timeline, timeline

WIDTH = 1000.0
LEAST = 2.0
"""A loss, a break, and a clip, is never too small to be seen."""
STEP = timedelta(minutes=2)
TICKS = 24


@dataclass(frozen=True, slots=True)
class Part:
    """`look` is video, lost or break; a longer gap is drawn by nothing. `words` say what it is, and from when to
    when."""

    look: str
    x: float
    width: float
    words: str


@dataclass(frozen=True, slots=True)
class Band:
    """Of one camera: `covered` is the time with video; where it is not `exact`, at most so long."""

    slug: str
    name: str
    begin: datetime
    end: datetime
    parts: list[Part]
    ticks: list[tuple[float, datetime]]
    covered: timedelta
    exact: bool
    losses: int
    now: float | None

    def x_of(self, moment: datetime) -> float:
        return place(moment, self.begin, self.end)


def band_of(slug: str, name: str, cameras: Sequence[UUID], ends: tuple[datetime, datetime]) -> Band:
    begin, end = ends
    found = timeline(cameras, Span(begin, end, STEP), known_until(cameras))
    now = timezone.now()
    return Band(
        slug=slug,
        name=name,
        begin=begin,
        end=end,
        parts=parts_of(found, begin, end),
        ticks=[(place(at, begin, end), at) for at in ticks_of(begin, end)],
        covered=found.covered,
        exact=found.exact,
        losses=len(found.lost),
        now=place(now, begin, end) if begin <= now < end else None,
    )


def ticks_of(begin: datetime, end: datetime) -> list[datetime]:
    return [begin + (end - begin) * number / TICKS for number in range(TICKS)]


def parts_of(found: Timeline, begin: datetime, end: datetime) -> list[Part]:
    """What is drawn later lies above."""
    video = [part("video", "video", one.begin, one.end, (begin, end)) for one in found.video]
    lost = [part("lost", *loss_of(one), (begin, end)) for one in found.lost]
    breaks = [
        part("break", f"no video for {(b - a).total_seconds():.0f} s", a, b, (begin, end)) for a, b in found.breaks
    ]  # fmt: skip
    return video + lost + breaks


def loss_of(clip: Row) -> tuple[str, datetime, datetime]:
    """What it lost, from when to when: one that was cut off, at its end."""
    if clip.lost_frames:
        return f"{clip.lost_frames} frames lost", clip.started_at, clip.ended_at
    return "cut off", max(clip.started_at, clip.ended_at - STEP), clip.ended_at


def part(look: str, what: str, begin: datetime, end: datetime, ends: tuple[datetime, datetime]) -> Part:
    left, right = place(max(begin, ends[0]), *ends), place(min(end, ends[1]), *ends)
    words = f"{what}, {timezone.localtime(begin):%H:%M:%S} to {timezone.localtime(end):%H:%M:%S}"
    return Part(look, left, max(LEAST, round(right - left, 2)), words)


def place(moment: datetime, begin: datetime, end: datetime) -> float:
    return round((moment - begin) / (end - begin) * WIDTH, 2)
