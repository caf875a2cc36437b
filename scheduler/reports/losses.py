"""What a night lost, and why: gaps, captures that were not saved, and the times for which no row accounts.

All of it is pure: rows in, losses out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from statistics import median
from typing import Any, Literal, Protocol, cast
from uuid import UUID

from cameras.programmes.kinds import cycle_of
from cameras.spool.records import Programme
from core.sky.intervals import Interval, clip, union
from scheduler.reports.ledger import CaptureRow

Kind = Literal["gap", "failed", "skipped", "unaccounted", "not_begun", "cut_short"]
STOPPED = "session_stopped"
UNACCOUNTED = "unaccounted"
"""The reason of a time in which a session ran, and for which there is neither a capture nor a gap."""
PATIENCE = timedelta(minutes=1)
"""How much longer than a step a time without a capture may be before it is unaccounted for."""
MOST_ALIKE = 12
"""From here on, losses of one session with one reason are one loss with several spans."""
SHORTEST_STEP = timedelta(seconds=1)


class Gap(Protocol):
    """A row of `SessionGap`."""

    session_id: Any
    from_at: datetime
    to_at: datetime
    count: int
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Loss:
    """`spans`: when, in their order. `count`: lost captures; `is_estimate` when no row counts them."""

    kind: Kind
    spans: tuple[Interval, ...]
    count: int
    reason: str
    message: str = ""
    session: UUID | None = None
    is_estimate: bool = False

    @property
    def begin(self) -> datetime:
        return self.spans[0][0]

    @property
    def end(self) -> datetime:
        return max(last for _, last in self.spans)

    @property
    def lost(self) -> timedelta:
        return length(self.spans)

    @property
    def times(self) -> int:
        return len(self.spans)


def length(spans: Iterable[Interval]) -> timedelta:
    """Of times that may overlap."""
    return sum((last - first for first, last in union(sorted(spans))), timedelta())


def share_in(count: int, gap: Interval, night: Interval) -> int:
    """How many of `count` captures, evenly spread over a gap, belong to the night. Over consecutive nights the shares
    add up to `count`."""
    begin, end = gap
    if end <= begin:
        return count if night[0] <= begin < night[1] else 0

    def before(at: datetime) -> int:
        return int((count * (min(max(at, begin), end) - begin)) // (end - begin))

    return before(night[1]) - before(night[0])


def gap_losses(gaps: Iterable[Gap], night: Interval) -> list[Loss]:
    """A gap that reaches beyond the night is divided by time."""
    found = []
    for gap in gaps:
        count = share_in(gap.count, (gap.from_at, gap.to_at), night)
        span = (max(gap.from_at, night[0]), max(gap.from_at, night[0], min(gap.to_at, night[1])))
        if count or span[1] > span[0]:
            found.append(Loss("gap", (span,), count, gap.reason, gap.message, gap.session_id))
    return found


def capture_losses(captures: Iterable[CaptureRow], step: timedelta) -> list[Loss]:
    """Captures in a row that were not saved for the same reason are one loss; each of them lost one step. Not those
    during which a user stopped the session."""
    found = []
    for (status, reason), group in groupby(captures, key=lambda row: (row.status, row.reason)):
        if status in ("failed", "skipped") and reason != STOPPED:
            rows = list(group)
            spans = tuple(union(sorted((row.at, row.at + step) for row in rows)))
            kind = cast(Kind, status)
            found.append(Loss(kind, spans, len(rows), reason, rows[-1].message, rows[0].session))
    return found


def step_of(programme: dict[str, Any], starts: Sequence[datetime]) -> timedelta:
    """The time from one capture of the session to the next: by its programme, or as observed if that is longer."""
    planned_s = programme.get("cadence_s") or cycle_s(programme) + programme.get("delay_s", 0.0)
    between_s = [(after - before).total_seconds() for before, after in pairwise(starts)]
    return max(SHORTEST_STEP, timedelta(seconds=max(planned_s, median(between_s) if between_s else 0.0)))


def cycle_s(programme: dict[str, Any]) -> float:
    return cycle_of(cast(Programme, programme)).length_s(0.0)


def expected_captures(programme: dict[str, Any], spans: Iterable[Interval], step: timedelta, made: int = 0) -> int:
    """About how many captures the programme would make in these times. `made`: those of its `count` that it has made
    already."""
    starts = sum(-(-(last - first) // step) for first, last in spans if last > first)
    number = int(starts) * len(cycle_of(cast(Programme, programme)))
    count = programme.get("count")
    return number if count is None else min(number, max(0, int(count) - made))


def unaccounted(
    expected: Iterable[Interval], captures: Iterable[CaptureRow], gaps: Iterable[Interval], step: timedelta
) -> list[Interval]:
    """The parts of `expected`, in which the session ran, that are longer than a step and have neither a capture nor a
    gap."""
    long_us = step / timedelta(microseconds=1)
    ends = (
        (row.at, row.at + (step if (row.exposure_us or 0) <= long_us else timedelta(microseconds=row.exposure_us or 0)))
        for row in captures
    )
    covered = sorted([*ends, *gaps])
    return [hole for span in expected for hole in _holes(span, covered, step + PATIENCE)]


def _holes(span: Interval, covered: Sequence[Interval], longest: timedelta) -> Iterable[Interval]:
    reached, last = span
    for begin, end in covered:
        if begin >= last:
            break
        if begin - reached > longest:
            yield reached, begin
        reached = max(reached, end)
    if last - reached > longest:
        yield reached, last


def with_alike_joined(losses: Sequence[Loss]) -> list[Loss]:
    """Many losses of one session with the same kind and reason, such as each second start of too short a cadence, are
    one; the others stay. By their begin."""
    alike = defaultdict[tuple[Any, ...], list[Loss]](list)
    for loss in losses:
        alike[loss.kind, loss.session, loss.reason].append(loss)
    joined = [_joined(group) for group in alike.values() if len(group) >= MOST_ALIKE]
    single = [loss for group in alike.values() if len(group) < MOST_ALIKE for loss in group]
    return sorted([*joined, *single], key=lambda loss: (loss.begin, loss.end, loss.kind))


def _joined(group: Sequence[Loss]) -> Loss:
    ordered = sorted(group, key=lambda loss: loss.begin)
    spans = tuple(sorted(span for loss in ordered for span in loss.spans))
    return replace(ordered[-1], spans=spans, count=sum(loss.count for loss in ordered))


def lost_by_reason(losses: Iterable[Loss]) -> dict[str, timedelta]:
    """The reason that cost the most time first."""
    spans = defaultdict[str, list[Interval]](list)
    for loss in losses:
        spans[loss.reason].extend(loss.spans)
    found = {reason: length(times) for reason, times in spans.items()}
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def within(spans: Iterable[Interval], begin: datetime, end: datetime) -> list[Interval]:
    return clip(list(spans), begin, end) if begin < end else []
