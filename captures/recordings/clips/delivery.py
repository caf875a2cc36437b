"""Whether clips have the frames of their camera's set rate: both rates, and the holes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cameras.runtime.spec import SLOW_PERCENT
from cameras.spool.records import MAX_HOLES
from core.text.sentences import pluralize

HOLE_REASONS = {
    "not_delivered": "the camera sent no frame",
    "still": "the camera took a still",
    "lost": "frames were lost here",
    "unknown": "not known: the recording was cut off",
}


@dataclass(frozen=True, slots=True)
class Hole:
    """`frames` are missing."""

    begin: datetime
    end: datetime
    frames: int
    reason: str

    @property
    def length_s(self) -> float:
        return (self.end - self.begin).total_seconds()

    @property
    def why(self) -> str:
        return HOLE_REASONS.get(self.reason, self.reason)


@dataclass(slots=True)
class Delivery:
    """Of one clip or of several."""

    frames: int = 0
    streamed_s: float = 0.0
    """The length without the time of stills."""
    rated_frames: float = 0.0
    """Due by the set rate in `rated_s`, the part of `streamed_s` in which there was one."""
    rated_s: float = 0.0
    stills_s: float = 0.0
    hole_count: int | None = 0
    hole_s: float = 0.0
    holes: list[Hole] = field(default_factory=list)

    @property
    def expected_fps(self) -> float | None:
        return round(self.rated_frames / self.rated_s, 3) if self.rated_s > 0 else None

    @property
    def actual_fps(self) -> float | None:
        return round(self.frames / self.streamed_s, 3) if self.streamed_s > 0 else None

    @property
    def is_slow(self) -> bool:
        return is_below(self.actual_fps, self.expected_fps)

    @property
    def missing_percent(self) -> int:
        """Of the frames of the set rate."""
        share = (self.actual_fps or 0.0) / self.expected_fps if self.expected_fps else 1.0
        return max(0, round(100 * (1 - share)))

    @property
    def has_unplanned_holes(self) -> bool:
        """Holes that are not the time of a still."""
        return any(hole.reason != "still" for hole in self.holes)

    @property
    def is_incomplete(self) -> bool:
        return self.is_slow or self.has_unplanned_holes

    @property
    def rate_text(self) -> str:
        return describe_rate(self.actual_fps, self.expected_fps)

    @property
    def holes_text(self) -> str:
        return describe_holes(self.hole_count, self.hole_s)

    @property
    def lack(self) -> str:
        """What the video lacks, as a sentence; empty if it lacks nothing that no still explains."""
        holes = f"{pluralize(self.hole_count or len(self.holes), 'hole')} of {self.hole_s:.3g} s in all"
        lacks = [self.rate_text] * self.is_slow + [holes] * self.has_unplanned_holes
        return f"It has {' and '.join(lacks)}." if lacks else ""

    @property
    def unlisted_holes(self) -> int:
        return (self.hole_count or 0) - len(self.holes)

    @property
    def delivered(self) -> Delivery:
        """Itself: `DeliveryBody` shows it, alone and of a clip."""
        return self

    @property
    def rounded_stills_s(self) -> float:
        return round(self.stills_s, 3)

    @property
    def known_hole_s(self) -> float | None:
        return None if self.hole_count is None else round(self.hole_s, 3)


def is_below(actual_fps: float | None, expected_fps: float | None) -> bool:
    """Whether a stream has clearly less than its set rate. False while one of them is unknown."""
    return actual_fps is not None and expected_fps is not None and actual_fps < expected_fps * SLOW_PERCENT / 100


def describe_rate(actual_fps: float | None, expected_fps: float | None) -> str:
    """`12.2 of 15 frames per second`; empty while it is unknown."""
    if actual_fps is None:
        return ""
    of = f" of {expected_fps:.3g}" if expected_fps is not None else ""
    return f"{actual_fps:.3g}{of} frames per second"


def describe_holes(hole_count: int | None, hole_s: float | None) -> str:
    """`3 holes, 1.2 s`; `none`, `unknown`."""
    if hole_count is None:
        return "unknown"
    return f"{pluralize(hole_count, 'hole')}, {hole_s or 0:.3g} s" if hole_count else "none"


def delivery(content: Any, frames: int, started: datetime, ended: datetime) -> Delivery:
    """Of a clip. `content`: its column `delivery`, empty for one of an older version."""
    stills_s, fps = content.get("stills_s", 0.0), content.get("expected_fps")
    streamed_s = max(0.0, (ended - started).total_seconds() - stills_s)
    return Delivery(
        frames=frames, streamed_s=streamed_s, rated_frames=streamed_s * fps if fps else 0.0,
        rated_s=streamed_s if fps else 0.0, stills_s=stills_s,
        hole_count=content.get("hole_count"), hole_s=content.get("hole_s", 0.0),
        holes=[
            Hole(
                started + timedelta(seconds=one["begin_s"]), started + timedelta(seconds=one["end_s"]), one["frames"],
                one["reason"],
            )
            for one in content.get("holes", [])
        ],
    )  # fmt: skip


def sum_deliveries(deliveries: Iterable[Delivery]) -> Delivery:
    found, holes = Delivery(), list[Hole]()
    for one in deliveries:
        found.frames += one.frames
        found.streamed_s += one.streamed_s
        found.rated_frames += one.rated_frames
        found.rated_s += one.rated_s
        found.stills_s += one.stills_s
        found.hole_s += one.hole_s
        unknown = found.hole_count is None or one.hole_count is None
        found.hole_count = None if unknown else (found.hole_count or 0) + (one.hole_count or 0)
        holes += one.holes
    found.holes = longest(holes, MAX_HOLES)
    return found


def longest(holes: Sequence[Hole], most: int) -> list[Hole]:
    """The longest ones, in the order of time."""
    chosen = sorted(holes, key=lambda hole: hole.length_s, reverse=True)[:most]
    return sorted(chosen, key=lambda hole: hole.begin)
