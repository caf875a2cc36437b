"""Which events and alerts a user may see: none of hidden cameras; only managers see those that name people. And
events for people: consecutive saved captures and clips share one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import QuerySet

from core.camera_names import CameraName, CameraRef
from core.camera_refs import AboutCameras, without_cameras
from core.events.models import Alert, Event
from core.events.tables import HIDDEN_CAMERAS
from core.registry import resolve
from core.text.sentences import Sentence, cameras_text, sentence

Row = TypeVar("Row", bound=AboutCameras)
MANAGER_ONLY_KINDS = (
    "user.", "webhook.", "notification.", "camera.audience", "rule.", "maintenance.", "files.action",
    "host.invit", "host.joined",
)  # fmt: skip
"""Prefixes of event kinds that reveal other users, where events are sent, or patterns and filters that may name hidden
cameras, or the addresses of machines, for managers only."""


def is_manager_only(kind: str) -> bool:
    return kind.startswith(MANAGER_ONLY_KINDS)


def hidden_cameras(user: Any) -> list[CameraRef]:
    """Cameras that `user` may not see, including removed ones."""
    return [camera for path in HIDDEN_CAMERAS.values() for camera in resolve(path)(user)]


def events_for(user: Any) -> QuerySet[Event]:
    if not user.is_authenticated or not user.may("viewer"):
        return Event.objects.none()
    events = visible_to(Event.objects.all(), user)
    if user.may("manager"):
        return events
    for beginning in MANAGER_ONLY_KINDS:
        events = events.exclude(kind__startswith=beginning)
    return events


def alerts_for(user: Any) -> QuerySet[Alert]:
    if not user.is_authenticated or not user.may("viewer"):
        return Alert.objects.none()
    return visible_to(Alert.objects.all(), user)


def alert_for(user: Any, alert: UUID) -> Alert:
    """Alert.DoesNotExist, also for that of a hidden camera."""
    return alerts_for(user).get(pk=alert)


def visible_to(rows: QuerySet[Row], user: Any) -> QuerySet[Row]:
    """Without the rows of hidden cameras. Old rows without the camera's id are filtered by slug."""
    hidden = hidden_cameras(user)
    if not hidden:
        return rows
    rows = without_cameras(rows, hidden)
    return rows.exclude(camera_uuid="", camera__in={camera.slug for camera in hidden})


def unresolved_keys(beginning: str) -> set[str]:
    unresolved = Alert.objects.exclude(state=Alert.State.RESOLVED)
    return set(unresolved.filter(key__startswith=beginning).values_list("key", flat=True))


ROUTINE = {"capture.saved": "capture{s} saved", "recording.rotated": "clip{s} recorded"}
"""Kinds of frequent events that report success."""
REDUNDANT_KINDS = ("command.done",)
"""Kinds that add nothing to the line of the command."""
MAX_EVENTS = 200
SAME_MOMENT = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Line:
    """The newest event of a run, and the message for the whole run."""

    event: Event
    message: Sentence


def feed(user: Any, lines: int, **conditions: Any) -> list[Line]:
    """The newest lines, folded from the newest events alone: a night of captures costs no more than an hour."""
    events = events_for(user).filter(**conditions).exclude(kind__in=REDUNDANT_KINDS)
    return list(fold_events(list(events[:MAX_EVENTS])))[:lines]


def fold_events(events: Sequence[Event]) -> Iterable[Line]:
    # Only consecutive events share a line, so that an error between two captures stays where it happened.
    for routine, run in groupby(without_details(events), key=lambda event: event.kind in ROUTINE):
        listed = list(run)
        if routine and len(listed) > 1:
            yield Line(listed[0], run_message(listed))
        else:
            yield from (Line(event, event.sentence) for event in listed)


def without_details(events: Sequence[Event]) -> list[Event]:
    """Without the single steps that the event of a restart or the alert of a quarantine already reports."""
    summaries = [event for event in events if is_summary(event)]
    return [
        event for event in events if not (is_detail(event) and any(is_summarised_by(event, one) for one in summaries))
    ]


def is_summary(event: Event) -> bool:
    quarantine = event.kind == "alert.opened" and str(event.data.get("key", "")).startswith("camera.quarantined:")
    return bool(event.camera) and (event.kind == "part.restarted" or quarantine)


def is_detail(event: Event) -> bool:
    if event.kind == "camera.state":
        return event.data.get("observed") in {"reconnecting", "starting", "quarantined"}
    return event.kind == "camera.ladder" and event.data.get("step") in {"back_off", "quarantine"}


def is_summarised_by(event: Event, summary: Event) -> bool:
    return event.camera_uuid == summary.camera_uuid and abs(event.at - summary.at) < SAME_MOMENT


def run_message(events: Sequence[Event]) -> Sentence:
    """38 captures saved, 2 clips recorded: dslr, lab."""
    counted = Counter(event.kind for event in events)
    counts = [(counted[kind], words) for kind, words in ROUTINE.items() if counted[kind]]
    parts = [f"{count} {words.format(s='s' if count > 1 else '')}" for count, words in counts]
    cameras = sorted({(event.camera, event.camera_uuid) for event in events})
    return sentence(
        "{counts}: {cameras}.",
        counts=", ".join(parts),
        cameras=cameras_text(CameraName(camera, slug) for slug, camera in cameras),
    )
