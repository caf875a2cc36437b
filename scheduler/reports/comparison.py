"""The nights before a night, from the rows of their reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from cameras.models import Camera
from scheduler.reports.models import CameraNight

NIGHTS = 30


@dataclass(frozen=True, slots=True)
class PastNight:
    """The sum of the cameras that the reader may see. `lost_s`: of all cameras together."""

    night: date
    planned: int
    saved: int
    lost_s: float
    lost_by_reason: dict[str, float]
    is_complete: bool
    missing: int = 0
    """About how many captures no row counts."""

    @property
    def is_empty(self) -> bool:
        return not self.planned and not self.lost_s

    @property
    def most_by(self) -> str:
        """The reason that cost the most time; empty without losses."""
        return max(self.lost_by_reason, key=lambda reason: self.lost_by_reason[reason], default="")


def past_nights(night: date, cameras: Sequence[Camera], number: int = NIGHTS) -> tuple[PastNight, ...]:
    """The reported ones of the `number` nights before `night`, oldest first."""
    first = night - timedelta(days=min(number, (night - date.min).days))
    return tuple(reported_nights(first, night - timedelta(days=1), cameras)) if first < night else ()


def reported_nights(first: date, last: date, cameras: Sequence[Camera]) -> list[PastNight]:
    """The reported nights from `first` to `last` in which one of `cameras` had something to do, in one query."""
    rows = CameraNight.objects.filter(night__night__range=(first, last), camera__in=[camera.pk for camera in cameras])
    by_night: dict[date, list[CameraNight]] = {}
    for row in rows.order_by("night"):
        by_night.setdefault(row.night_id, []).append(row)
    return [_sum(night, own) for night, own in by_night.items()]


def _sum(night: date, rows: Iterable[CameraNight]) -> PastNight:
    rows = list(rows)
    reasons: Counter[str] = Counter()
    for row in rows:
        reasons.update(row.lost_by_reason)
    return PastNight(
        night=night,
        planned=sum(row.planned for row in rows),
        saved=sum(row.saved for row in rows),
        lost_s=sum(row.lost_s for row in rows),
        lost_by_reason=dict(reasons),
        is_complete=all(row.is_complete for row in rows),
        missing=sum(row.missing for row in rows),
    )
