"""The rows of a night, in a number of queries that depends on neither captures nor cameras; and from the event log,
what people did in it and which gates closed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import CharField, FloatField, Q, QuerySet, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from cameras.models import Camera
from captures.capturing.models import Capture, CaptureFile
from captures.sessions.models import Session, SessionGap
from core.events.models import Event
from core.events.selectors import MANAGER_ONLY_KINDS, events_for
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


ROUTINE = ("capture.saved", "capture.failed", "capture.skipped", "command.done")
"""Kinds with an actor that repeat what the ledger or the event before says."""
MOST_ACTIONS = 200
MOST_CLOSURES = 500
BEFORE = timedelta(days=2)
"""How long before the night a gate may have closed that is still closed in it."""


@dataclass(frozen=True, slots=True)
class Action:
    at: datetime
    actor: str
    kind: str
    camera: str
    message: str


@dataclass(frozen=True, slots=True)
class GateClosure:
    """`end` is None while the gate is closed. `camera` is empty for a gate of all cameras of its host."""

    gate: str
    camera: str
    host: str
    begin: datetime
    end: datetime | None
    value: Any
    limit: Any
    message: str


def read_incidents(
    cameras: Sequence[Camera], viewer: Any, begin: datetime, end: datetime
) -> tuple[tuple[Action, ...], tuple[GateClosure, ...]]:
    """The newest MOST_ACTIONS actions, oldest first, and the gates that were closed."""
    # In the query: what happened at other cameras must not use up the limits.
    events = _events(viewer).filter(camera_uuid__in=["", *(str(camera.pk) for camera in cameras)])
    acted = events.filter(at__gte=begin, at__lt=end).exclude(actor="").exclude(kind__in=ROUTINE)
    found = list(acted.exclude(kind__startswith="user.")[:MOST_ACTIONS])
    actions = [Action(event.at, event.actor, event.kind, event.camera, event.sentence) for event in reversed(found)]
    gates = events.filter(at__gte=begin - BEFORE, at__lt=end, kind__in=("gate.closed", "gate.opened"))
    rows = list(gates[:MOST_CLOSURES])[::-1]
    return tuple(actions), tuple(one for one in _closures(rows) if one.end is None or one.end > begin)


def has_events_from(begin: datetime) -> bool:
    """Whether the event log reaches back to `begin`: old events are removed."""
    return Event.objects.filter(at__lte=begin).exists()


def _events(viewer: Any) -> QuerySet[Event]:
    if viewer is not None:
        return events_for(viewer)
    # The file of the station may be sent to people: it names no users but those who did something.
    events: QuerySet[Event] = Event.objects.all()
    for beginning in MANAGER_ONLY_KINDS:
        events = events.exclude(kind__startswith=beginning)
    return events


def _closures(rows: Sequence[Event]) -> list[GateClosure]:
    """Each closing with the opening that follows it. `rows`: oldest first."""
    found, closed = [], dict[tuple[str, str, str], Event]()
    for event in rows:
        key = (str(event.data.get("gate", "")), event.camera, event.host)
        if event.kind == "gate.closed":
            closed.setdefault(key, event)
        elif begun := closed.pop(key, None):
            found.append(_closure(begun, event.at))
    return sorted([*found, *(_closure(event, None) for event in closed.values())], key=lambda one: one.begin)


def _closure(event: Event, end: datetime | None) -> GateClosure:
    data = event.data
    return GateClosure(
        gate=str(data.get("gate", "")), camera=event.camera, host=event.host, begin=event.at, end=end,
        value=data.get("value"), limit=data.get("limit"), message=event.sentence,
    )  # fmt: skip
