"""The rows of a night, in a number of queries that depends on neither captures nor cameras."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import NamedTuple
from uuid import UUID

from django.db.models import CharField, FloatField, Q, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from cameras.models import Camera
from captures.capturing.models import Capture, CaptureFile
from captures.sessions.models import Session, SessionGap
from core.sky.intervals import Interval
from scheduler.runs.models import PlannedRun
from scheduler.schedules.models import NightChange


class CaptureRow(NamedTuple):
    camera: UUID
    session: UUID | None
    status: str
    reason: str
    message: str
    at: datetime
    exposure_us: int | None
    gain: float | None
    iso: int | None
    f_number: float | None
    temperature: float | None
    mean: float | None
    saturated: float | None
    clock: str


COLUMNS = (
    "camera_text", "session_text", "status", "reason", "message", "started_at", "exposure_us", "gain", "iso",
    "f_number", "temperature_celsius", "mean", "saturated", "clock",
)  # fmt: skip
# Of thousands of rows, each conversion of a column counts: ids are read as text and each is converted once, and of the
# statistics only two numbers are read.
READ = {
    "camera_text": Cast("camera_id", CharField()),
    "session_text": Cast("session_id", CharField()),
    "mean": Cast(KeyTextTransform("mean", "statistics"), FloatField()),
    "saturated": Cast(KeyTextTransform("saturated", "statistics"), FloatField()),
}


@dataclass(slots=True)
class CameraLedger:
    """The rows of one camera in one night, each list by time."""

    captures: list[CaptureRow] = field(default_factory=list)
    gaps: list[SessionGap] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    runs: list[PlannedRun] = field(default_factory=list)
    changes: list[NightChange] = field(default_factory=list)
    bytes: int = 0

    @property
    def is_empty(self) -> bool:
        return not (self.captures or self.gaps or self.sessions or self.runs)


def read_ledger(cameras: Sequence[Camera], night: date, ranges: Mapping[UUID, Interval]) -> dict[UUID, CameraLedger]:
    """The rows of each camera, by its id. `ranges`: the night of each camera, begin (inclusive) and end (exclusive)."""
    found: dict[UUID, CameraLedger] = defaultdict(CameraLedger)
    if not cameras:
        return found
    begin, end = min(first for first, _ in ranges.values()), max(last for _, last in ranges.values())
    ids = [camera.pk for camera in cameras]
    _read_captures(found, ranges, begin, end)
    overlapping = Q(from_at__lt=end, to_at__gte=begin, session__camera__in=ids)
    for gap in SessionGap.objects.filter(overlapping).select_related("session").order_by("from_at", "id"):
        if _overlaps(gap.from_at, gap.to_at, ranges[gap.session.camera_id]):
            found[gap.session.camera_id].gaps.append(gap)
    runs = PlannedRun.objects.filter(camera__in=ids).filter(
        Q(night=night) | Q(night=None, begins_at__range=(begin, end))
    )
    for run in runs.order_by("begins_at", "id"):
        found[run.camera_id].runs.append(run)
    _read_sessions(found, ranges, begin, end)
    for change in (
        NightChange.objects.filter(night=night).select_related("schedule").prefetch_related("schedule__cameras")
    ):
        for camera in change.schedule.cameras.all():
            if camera.pk in ranges:
                found[camera.pk].changes.append(change)
    return found


def _read_captures(
    found: dict[UUID, CameraLedger], ranges: Mapping[UUID, Interval], begin: datetime, end: datetime
) -> None:
    # No condition on the camera: the database walks the index on time once, whatever their number.
    rows = Capture.objects.filter(started_at__gte=begin, started_at__lt=end).order_by("started_at", "id")
    uuid_of = cache(UUID)
    for camera_text, session_text, *values in rows.annotate(**READ).values_list(*COLUMNS).iterator(chunk_size=5000):
        camera = uuid_of(camera_text)
        if camera in ranges and ranges[camera][0] <= values[3] < ranges[camera][1]:
            session = uuid_of(session_text) if session_text else None
            found[camera].captures.append(CaptureRow(camera, session, *values))
    sizes = CaptureFile.objects.filter(capture__started_at__gte=begin, capture__started_at__lt=end).order_by()
    for camera, size in sizes.values_list("capture__camera").annotate(size=Sum("bytes")):
        if camera in ranges:
            found[camera].bytes = size


def _read_sessions(
    found: dict[UUID, CameraLedger], ranges: Mapping[UUID, Interval], begin: datetime, end: datetime
) -> None:
    """The sessions that ran in the night, those of its runs, and those of its captures and gaps."""
    named = {capture.session for ledger in found.values() for capture in ledger.captures if capture.session}
    named |= {run.pk for ledger in found.values() for run in ledger.runs}
    named |= {gap.session_id for ledger in found.values() for gap in ledger.gaps}
    ran = Q(started_at__lt=end) & (Q(ended_at=None) | Q(ended_at__gte=begin))
    rows = Session.objects.filter(Q(pk__in=named) | ran).filter(camera__in=list(ranges)).order_by("started_at", "id")
    for session in rows:
        first, last = ranges[session.camera_id]
        started, ended = session.started_at or session.created_at, session.ended_at
        if session.pk in named or (started < last and (ended is None or ended >= first)):
            found[session.camera_id].sessions.append(session)


def _overlaps(begin: datetime, end: datetime, night: Interval) -> bool:
    return begin < night[1] and (end > night[0] or begin >= night[0])
