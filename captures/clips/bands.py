"""A camera's time-line as a drawing: x in thousandths of its width, so that it fits any screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from captures.clips.selectors import known_until
from captures.clips.timeline import Span, Timeline, timeline

WIDTH = 1000.0
LEAST = 2.0
"""A loss, and a clip, is never too small to be seen."""
STEP = timedelta(minutes=2)
TICKS = 24


@dataclass(frozen=True, slots=True)
class Part:
    """`look` is video, lost or gap; a gap is drawn by nothing. `words` say what it is and from when to when."""

    look: str
    x: float
    width: float
    words: str


@dataclass(frozen=True, slots=True)
class Band:
    """Of one camera: `covered` is the time with video."""

    slug: str
    name: str
    begin: datetime
    end: datetime
    parts: list[Part]
    ticks: list[tuple[float, datetime]]
    covered: timedelta
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
        covered=sum((one.end - one.begin for one in found.video), timedelta()),
        losses=len(found.lost),
        now=place(now, begin, end) if begin <= now < end else None,
    )


def ticks_of(begin: datetime, end: datetime) -> list[datetime]:
    return [begin + (end - begin) * number / TICKS for number in range(TICKS)]


def parts_of(found: Timeline, begin: datetime, end: datetime) -> list[Part]:
    """What is drawn later lies above."""
    video = [part("video", "video", one.begin, one.end, (begin, end)) for one in found.video]
    lost = [
        part("lost", "cut off" if one.interrupted else f"{one.lost_frames} frames lost", one.started_at, one.ended_at,
             (begin, end))
        for one in found.lost
    ]  # fmt: skip
    return video + lost


def part(look: str, what: str, begin: datetime, end: datetime, ends: tuple[datetime, datetime]) -> Part:
    left, right = place(max(begin, ends[0]), *ends), place(min(end, ends[1]), *ends)
    words = f"{what}, {timezone.localtime(begin):%H:%M:%S} to {timezone.localtime(end):%H:%M:%S}"
    return Part(look, left, max(LEAST, round(right - left, 2)), words)


def place(moment: datetime, begin: datetime, end: datetime) -> float:
    return round((moment - begin) / (end - begin) * WIDTH, 2)
