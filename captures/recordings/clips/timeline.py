"""When a camera has video and when not, at a bounded cost for any number of clips.

A few clips are read one by one. Otherwise the requested time is divided into steps (pixels of a screen), and an index
finds three rows per step: the first clip that began in it, the last one, and the first with losses. Clips that begin in
one step are closer together than a step, so nothing visible is missed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, pairwise
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from captures.recordings.clips.models import Clip

MAX_SINGLE = 900
"""The most clips that are read one by one, and parameters of a query."""
CONTINUOUS = timedelta(seconds=1)
"""Clips that are closer together are one recording."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Time with video; `clip` shows its beginning."""

    begin: datetime
    end: datetime
    clip: UUID


class Row(NamedTuple):
    """The columns of a clip that a time-line needs."""

    id: UUID
    started_at: datetime
    ended_at: datetime
    lost_frames: int | None
    interrupted: bool

    @property
    def lossy(self) -> bool:
        return bool(self.lost_frames or self.interrupted)


class Gap(NamedTuple):
    """Time without video."""

    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Timeline:
    """`lost`: clips that lost frames or were cut off; if there are many clips, the first of each step. `gaps` are times
    without video; `breaks` are those shorter than a step, unknown if there are many clips. Then `exact` is False, and
    `covered`, the time with video, is an upper limit."""

    video: list[Segment]
    lost: list[Row]
    gaps: list[Gap]
    breaks: list[Gap]
    covered: timedelta
    exact: bool


@dataclass(frozen=True, slots=True)
class Span:
    """From `begin` to before `end`, in steps of `step`."""

    begin: datetime
    end: datetime
    step: timedelta

    @property
    def step_s(self) -> float:
        return self.step.total_seconds()

    @property
    def bounds(self) -> list[datetime]:
        count = -(-(self.end - self.begin) // self.step)
        return [*(self.begin + number * self.step for number in range(count)), self.end]


def timeline(cameras: Sequence[UUID], span: Span, known: datetime) -> Timeline:
    """The time-line of these cameras together. Time after `known` may still be recorded and is not a gap."""
    # One row is enough: clips of a camera do not overlap, so only one can reach into the span.
    open_then = rows_of(cameras, ended_at__gt=span.begin).order_by("ended_at")[:1]
    # By start alone, which an index finds; the clip that began earlier is the one of `open_then`.
    within = rows_of(cameras, started_at__gte=span.begin, started_at__lt=span.end).order_by("started_at", "id")
    clips = [Row(*row) for row in within[: MAX_SINGLE + 1]]
    exact = len(clips) <= MAX_SINGLE
    segments, lost = segments_of(clips) if exact else segments_by_step(cameras, span)
    reaching_in, lost_before = segments_of(
        [one for one in (Row(*row) for row in open_then) if one.started_at < span.begin]
    )
    found = [*reaching_in, *segments]
    video = [clamp(segment, span) for segment in merged(found, span.step)]
    gaps = list(gaps_between(video, span.begin, min(span.end, known), span.step))
    whole = [clamp(segment, span) for segment in merged(found, min(CONTINUOUS, span.step) if exact else span.step)]
    breaks = [Gap(a.end, b.begin) for a, b in pairwise(whole) if b.begin - a.end < span.step]
    covered = sum((one.end - one.begin for one in whole), timedelta())
    return Timeline(video, lost_before + lost, gaps, breaks, covered, exact)


def rows_of(cameras: Sequence[UUID], **conditions: Any) -> QuerySet[Clip, Any]:
    clips = Clip.objects.present().filter(camera_id__in=cameras, **conditions)
    return clips.values_list(*Row._fields)


def segments_of(clips: Sequence[Row]) -> tuple[list[Segment], list[Row]]:
    return [Segment(one.started_at, one.ended_at, one.id) for one in clips], [one for one in clips if one.lossy]


def segments_by_step(cameras: Sequence[UUID], span: Span) -> tuple[list[Segment], list[Row]]:
    steps = found_steps(cameras, span)
    clips = known_rows({pk for step in steps for pk in step if pk})
    # A clip may be deleted between the two queries.
    found = [(clips[first], clips[last]) for first, last, _ in steps if first in clips and last in clips]
    segments = [Segment(first.started_at, last.ended_at, first.id) for first, last in found]
    return segments, [clips[lost] for _, _, lost in steps if lost in clips]


def known_rows(ids: Iterable[UUID]) -> dict[UUID, Row]:
    """Rows by id, in batches that every database accepts."""
    wanted = sorted(ids)
    batches = (wanted[at : at + MAX_SINGLE] for at in range(0, len(wanted), MAX_SINGLE))
    clips = Clip.objects.order_by().values_list(*Row._fields)  # with an order, a database would scan all clips
    return {row[0]: Row(*row) for batch in batches for row in clips.filter(pk__in=batch)}


def clamp(segment: Segment, span: Span) -> Segment:
    """The part of the segment within the span."""
    return Segment(max(segment.begin, span.begin), min(segment.end, span.end), segment.clip)


def merged(segments: Iterable[Segment], step: timedelta) -> list[Segment]:
    """Segments in order of time; neighbours that are closer than `step` are merged."""
    found: list[Segment] = []
    for segment in sorted(segments, key=lambda one: (one.begin, one.end)):
        if found and segment.begin - found[-1].end < step:
            last = found.pop()
            found.append(Segment(last.begin, max(last.end, segment.end), last.clip))
        else:
            found.append(segment)
    return found


def gaps_between(video: Sequence[Segment], begin: datetime, end: datetime, step: timedelta) -> Iterator[Gap]:
    """Times without video of at least a step."""
    edges = [(begin, begin), *((one.begin, one.end) for one in video), (max(begin, end), end)]
    for (_, ended), (began, _) in pairwise(edges):
        if began - ended >= step:
            yield Gap(ended, began)


Step = tuple[UUID | None, UUID | None, UUID | None]
"""The clips of one step: the first, the last, and the first with losses."""
LOSS = "AND (lost_frames > 0 OR interrupted)"
"""As in the condition of the index `clip_camera_lost`."""


def found_steps(cameras: Sequence[UUID], span: Span) -> list[Step]:
    """The steps in which a clip began."""
    pairs = list(pairwise(span.bounds))
    places = ", ".join(["(%s, %s)"] * len(pairs))
    columns = ", ".join(first_in_step(cameras, *how) for how in (("ASC", ""), ("DESC", ""), ("ASC", LOSS)))
    # The ORM has no VALUES: it would need three queries for each of up to 2,000 steps.
    sql = f"WITH step(at, till) AS (VALUES {places}) SELECT {columns} FROM step ORDER BY at"  # noqa: S608 - no value
    with connection.cursor() as cursor:
        cursor.execute(sql, [*to_db("started_at", chain(*pairs)), *to_db("camera", cameras) * 3])
        rows = cursor.fetchall()
    return [to_ids(row) for row in rows if row[0] is not None]


def first_in_step(cameras: Sequence[UUID], order: str, condition: str) -> str:
    """A sub-select of the first clip in a step; its parameters are the cameras."""
    places = ", ".join(["%s"] * len(cameras))
    table = connection.ops.quote_name(Clip._meta.db_table)
    return (
        f"(SELECT id FROM {table} WHERE camera_id IN ({places}) AND started_at >= at AND started_at < till "  # noqa: S608
        f"AND deleted_at IS NULL {condition} ORDER BY started_at {order}, id {order} LIMIT 1)"
    )


def to_db(name: str, values: Iterable[Any]) -> list[Any]:
    """The values as the database stores them for this field."""
    # Raw SQL converts nothing: SQLite stores UUIDs as hexadecimal text and times as text, and compares them as such.
    field: Any = Clip._meta.get_field(name)
    return [field.get_db_prep_value(value, connection) for value in values]


def to_ids(row: Sequence[Any]) -> Step:
    # Raw SQL returns a text in SQLite and a UUID in PostgreSQL.
    first, last, lost = (UUID(str(value)) if value is not None else None for value in row)
    return first, last, lost
