"""What people did in a night, and which gates closed, from the event log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from cameras.models import Camera
from core.events.models import Event
from core.events.selectors import MANAGER_ONLY_KINDS, events_for

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
