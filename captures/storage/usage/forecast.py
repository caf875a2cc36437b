"""How many days the free space of a root lasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from statistics import median

from django.utils import timezone

from captures.roots.models import StorageRoot
from captures.storage.usage.models import RootSpace
from core.text.plurals import pluralize

MIN_DAYS = 4
"""Days with a measurement, for a slope."""
DAYS = 30
"""Days before the last measurement that count."""
LONG = 3650
"""More days than that are not a forecast."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """`days_left` is None when it is unknown, or when the disk does not fill up. `bytes_per_day` is what it loses."""

    days_left: float | None
    bytes_per_day: int | None
    sentence: str


def last_space(root: StorageRoot) -> RootSpace | None:
    """The last measurement. Days of the future were measured while the clock was ahead."""
    return RootSpace.objects.filter(root=root, day__lte=timezone.now().date()).first()


def forecast_of(root: StorageRoot, floor_bytes: int) -> Forecast:
    """From the free space of the last days until `floor_bytes` are left."""
    last = last_space(root)
    if last is None:
        return Forecast(None, None, "Unknown: the disk was not measured yet.")
    days = (last.day - timedelta(days=DAYS), last.day)
    rows = RootSpace.objects.filter(root=root, day__range=days).order_by("day")
    return forecast([(row.day, row.free_bytes) for row in rows], floor_bytes)


def forecast(measured: Sequence[tuple[date, int]], floor_bytes: int) -> Forecast:
    """`measured`: day and free bytes, oldest first."""
    if len(measured) < MIN_DAYS:
        missing = pluralize(MIN_DAYS - len(measured), "more day")
        return Forecast(None, None, f"Unknown: measurements of {missing} are needed.")
    lost = -round(slope(measured))
    left = measured[-1][1] - floor_bytes
    if lost <= 0 or left > lost * LONG:
        return Forecast(None, max(0, lost), "The disk does not fill up at present.")
    days = max(0.0, left / lost)
    return Forecast(round(days, 1), lost, f"The soft floor is about {pluralize(round(days), 'day')} away.")


def slope(measured: Sequence[tuple[date, int]]) -> float:
    """Bytes per day: the median of the changes from day to day, which a single day of deletions or of a copy does not
    change."""
    pairs = pairwise(measured)
    return median((later - earlier) / (to - since).days for (since, earlier), (to, later) in pairs)
