"""The time of one camera: which run has which part of it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from core.sky.intervals import Interval, subtract
from scheduler.planning.rules import FixedRun


@dataclass(frozen=True, slots=True)
class Owner:
    """What a piece of time belongs to: a night of a schedule, or a run that has begun."""

    schedule: str
    night: date | None
    name: str
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    begin: datetime
    end: datetime
    owner: Owner


@dataclass(slots=True)
class CameraTimeline:
    """Pieces in their order, none of which overlap."""

    pieces: list[Piece] = field(default_factory=list)

    @classmethod
    def of_fixed(cls, runs: Iterable[FixedRun]) -> CameraTimeline:
        """Runs that have begun. Where two of them overlap, the one that began first has the time."""
        timeline = cls()
        for run in sorted((run for run in runs if run.windows), key=lambda run: (run.begin, run.end)):
            owner = Owner(run.schedule, run.night, run.name, fixed=True)
            timeline.add(timeline.free([(run.begin, run.free_from)]), owner)
        return timeline

    def overlapping(self, begin: datetime, end: datetime) -> list[Piece]:
        first = bisect_right(self.pieces, begin, key=lambda piece: piece.end)
        return self.pieces[first : bisect_left(self.pieces, end, key=lambda piece: piece.begin)]

    def free(self, windows: Sequence[Interval]) -> list[Interval]:
        """What no run has of `windows`."""
        return [
            left
            for begin, end in windows
            for left in subtract([(begin, end)], [(one.begin, one.end) for one in self.overlapping(begin, end)])
        ]

    def add(self, free: Iterable[Interval], owner: Owner) -> None:
        for begin, end in free:
            at = bisect_left(self.pieces, begin, key=lambda piece: piece.begin)
            self.pieces.insert(at, Piece(begin, end, owner))
