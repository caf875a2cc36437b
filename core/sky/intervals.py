"""The times in which a body is below an altitude: a list of intervals, which may be empty or one long interval.

Intervals are pairs of aware times, sorted and apart from each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import cos, radians

from core.sky.bodies import moon_place, sun_place

Interval = tuple[datetime, datetime]

TWILIGHTS = {"sunset": -0.833, "civil": -6.0, "nautical": -12.0, "astronomical": -18.0}
"""The altitude of the Sun's centre, without refraction, in degrees."""
STEP = timedelta(minutes=10)
EXACT = timedelta(seconds=0.5)
FASTEST = 16.0
"""Degrees an hour: faster than the Sun and the Moon move anywhere."""
GOLDEN = (5**0.5 - 1) / 2


def sun_speed(latitude: float) -> float:
    """Degrees an hour: the Sun's altitude changes more slowly than this at `latitude` (degrees).

    The Earth turns by 15.04° an hour under the Sun, whose declination changes by up to 0.017°.
    """
    return 15.05 * cos(radians(latitude)) + 0.05


def moon_speed(latitude: float) -> float:
    """Degrees an hour: the Moon's altitude changes more slowly than this at `latitude` (degrees).

    The Earth turns by at most 14.62° an hour under the Moon, to which its parallax adds up to 0.26°. Its declination
    changes by up to 0.32°.
    """
    return 15 * cos(radians(latitude)) + 0.4


def sun_intervals(
    latitude: float, longitude: float, elevation: float, below: float, begin: datetime, end: datetime
) -> list[Interval]:
    """When the Sun's centre is at or below the altitude `below`, in degrees without refraction."""
    fastest = sun_speed(latitude)
    return intervals_below(
        lambda at: sun_place(at, latitude, longitude, elevation).altitude, below, begin, end, fastest
    )


def moon_intervals(
    latitude: float, longitude: float, elevation: float, max_altitude: float, begin: datetime, end: datetime
) -> list[Interval]:
    """When the Moon's centre is at or below `max_altitude`, in degrees without refraction, seen from the site."""
    fastest = moon_speed(latitude)
    return intervals_below(
        lambda at: moon_place(at, latitude, longitude, elevation).altitude, max_altitude, begin, end, fastest
    )


def intervals_below(
    altitude_of: Callable[[datetime], float],
    limit: float,
    begin: datetime,
    end: datetime,
    fastest: float | None = FASTEST,
    step: timedelta = STEP,
) -> list[Interval]:
    """The parts of `begin` to `end` (aware) in which `altitude_of(time)` is at or below `limit`.

    `altitude_of` never changes by more than `fastest` an hour. Samples are `step` apart, or further where the limit is
    too far away to be reached. Two passages between samples are found as well, unless the time between them is less
    than half a second. With `fastest` None, all samples are `step` apart, and passages between them may be missed.

    Ends are found to half a second, on the side on which the altitude is at or below the limit.
    """
    if begin >= end:
        return []
    found = _Search(altitude_of, limit, fastest, step)
    samples = found.samples(begin, end)
    ends = [begin] if samples[0].is_below else []
    for low, high in pairwise(samples):
        ends += found.passages(low, high)
    ends += [end] if samples[-1].is_below else []
    return [(first, last) for first, last in zip(ends[::2], ends[1::2], strict=True) if first < last]


@dataclass(frozen=True, slots=True)
class _Sample:
    at: datetime
    over: float
    """Above the limit."""

    @property
    def is_below(self) -> bool:
        return self.over <= 0


@dataclass(frozen=True, slots=True)
class _Search:
    altitude_of: Callable[[datetime], float]
    limit: float
    fastest: float | None
    step: timedelta

    def sample(self, at: datetime) -> _Sample:
        return _Sample(at, self.altitude_of(at) - self.limit)

    def samples(self, begin: datetime, end: datetime) -> list[_Sample]:
        found = [self.sample(begin)]
        while found[-1].at < end:
            found.append(self.sample(min(found[-1].at + self._ahead(found[-1]), end)))
        return found

    def _ahead(self, last: _Sample) -> timedelta:
        if self.fastest is None:
            return self.step
        # Whole steps, so that searches for several limits have most of their samples in common.
        return max(1, timedelta(hours=abs(last.over) / self.fastest) // self.step) * self.step

    def passages(self, low: _Sample, high: _Sample) -> list[datetime]:
        """The passages between two samples: none, one or two. Each is the time on the lower side of the limit."""
        if low.is_below != high.is_below:
            return [self._passage(low, high)]
        if self.fastest is None or abs(low.over) + abs(high.over) >= self.fastest * _hours(high.at - low.at):
            return []
        turn = self._sample_beyond(low, high)
        return [] if turn is None else [self._passage(low, turn), self._passage(turn, high)]

    def _passage(self, low: _Sample, high: _Sample) -> datetime:
        """Where a straight line between both would pass, with samples closely around; else their middle."""
        while (width := high.at - low.at) > EXACT:
            guess = low.at + width * (low.over / (low.over - high.over))
            for at in (guess - 0.4 * EXACT, guess + 0.4 * EXACT):
                low, high = self._narrowed(low, high, at)
            if high.at - low.at > width / 2:
                low, high = self._narrowed(low, high, low.at + (high.at - low.at) / 2)
        return low.at if low.is_below else high.at

    def _narrowed(self, low: _Sample, high: _Sample, at: datetime) -> tuple[_Sample, _Sample]:
        if not low.at < at < high.at:
            return low, high
        middle = self.sample(at)
        return (middle, high) if middle.is_below == low.is_below else (low, middle)

    def _sample_beyond(self, low: _Sample, high: _Sample) -> _Sample | None:
        """A sample on the other side of the limit than both. Between them the altitude turns at most once."""
        if high.at - low.at <= 2 * EXACT:
            return None
        first, last = self.sample(low.at + EXACT), self.sample(high.at - EXACT)
        if first.is_below == last.is_below == low.is_below:
            approaches = abs(first.over) <= abs(low.over) and abs(last.over) <= abs(high.over)
            return self._golden_section(low, high) if approaches else None
        return last if first.is_below == low.is_below else first

    def _golden_section(self, low: _Sample, high: _Sample) -> _Sample | None:
        left, right = self._inner(high, low), self._inner(low, high)
        while left.is_below == right.is_below == low.is_below and high.at - low.at > EXACT:
            if abs(left.over) < abs(right.over):
                high, right = right, left
                left = self._inner(high, low)
            else:
                low, left = left, right
                right = self._inner(low, high)
        return next((one for one in (left, right) if one.is_below != low.is_below), None)

    def _inner(self, origin: _Sample, other: _Sample) -> _Sample:
        return self.sample(origin.at + GOLDEN * (other.at - origin.at))


def _hours(span: timedelta) -> float:
    return span / timedelta(hours=1)


def union(*lists: Iterable[Interval]) -> list[Interval]:
    """The times of any of these lists, which need not be sorted. Intervals that touch become one; empty ones vanish."""
    found: list[Interval] = []
    for begin, end in sorted(interval for intervals in lists for interval in intervals if interval[0] < interval[1]):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def intersect(one: Sequence[Interval], other: Sequence[Interval]) -> list[Interval]:
    """The times of both lists."""
    pairs = ((max(a[0], b[0]), min(a[1], b[1])) for a in one for b in other)
    return [(begin, end) for begin, end in pairs if begin < end]


def subtract(intervals: Sequence[Interval], removed: Sequence[Interval]) -> list[Interval]:
    """The times of `intervals` that are not in `removed`."""
    left: list[Interval] = []
    for begin, end in intervals:
        ends = [begin, *(at for gone in clip(removed, begin, end) for at in gone), end]
        left += [(first, last) for first, last in zip(ends[::2], ends[1::2], strict=True) if first < last]
    return left


def clip(intervals: Sequence[Interval], begin: datetime, end: datetime) -> list[Interval]:
    """The times of `intervals` from `begin` to `end`."""
    return intersect(intervals, [(begin, end)])
