"""Writes events, and opens, acknowledges and resolves alerts. Nothing else does. Each function joins the caller's
transaction, so that an event is committed or rolled back with what it reports. Open pages and programs get a notice
over Redis pub/sub: a notice that is lost costs a page some seconds, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, TypedDict

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from core import database_clock
from core.broker.notices import NoticeKind, publish_notice
from core.camera_refs import Cameras, camera_columns
from core.events.answers import AlertBody, EventBody
from core.events.models import Alert, Event
from core.events.selectors import unresolved_keys
from core.events.severity import Severity
from core.events.tables import EVENT_OVER, EVENT_RECORDED
from core.registry import resolve
from core.resources.resource import body_of
from core.text.sentences import mentions_of, sentence


class EventNotice(TypedDict):
    """The event as a manager may see it. Who may see all of its cameras may see it."""

    type: Literal["event"]
    camera_ids: list[str]
    body: dict[str, Any]


class AlertNotice(TypedDict):
    """An alert that was opened, acknowledged or resolved."""

    type: Literal["alert"]
    camera_ids: list[str]
    body: dict[str, Any]


EVENTS: NoticeKind[EventNotice | AlertNotice] = NoticeKind("events")


def publish_event(event: Event) -> None:
    """Publish after the commit; a failure does not affect the commit."""
    notice = EventNotice(type="event", camera_ids=event.camera_ids, body=body_of(EventBody, event))
    transaction.on_commit(lambda: publish_notice(EVENTS, notice), robust=True)


def publish_alert(alert: Alert) -> None:
    """Publish after the commit; a failure does not affect the commit."""
    notice = AlertNotice(type="alert", camera_ids=alert.camera_ids, body=body_of(AlertBody, alert))
    transaction.on_commit(lambda: publish_notice(EVENTS, notice), robust=True)


def record_event(
    kind: str,
    message: str,
    *,
    camera: Cameras,
    severity: str = Severity.INFO,
    subject: object = "",
    actor: str = "",
    data: dict[str, Any] | None = None,
    at: datetime | None = None,
) -> Event:
    """`camera`: all cameras that the event names or is about; None if it names none, and concerns all users. A message
    that names cameras is a Sentence: pages show their names."""
    event = new_event(kind, message, camera=camera, severity=severity, subject=subject, actor=actor, data=data, at=at)
    record_events([event])
    return event


def new_event(
    kind: str, message: str, *, camera: Cameras, severity: str = Severity.INFO, subject: object = "", actor: str = "",
    data: dict[str, Any] | None = None, at: datetime | None = None,
) -> Event:  # fmt: skip
    """An event for `record_events`, with the arguments of `record_event`."""
    return Event(
        kind=kind,
        message=message,
        mentions=mentions_of(message),
        severity=severity,
        **camera_columns(camera),
        subject=str(subject),
        actor=actor,
        host=settings.STATION.host,
        data=data or {},
        at=at or timezone.now(),
    )


def record_events(events: Sequence[Event]) -> None:
    """Write new events with one INSERT."""
    # Without a savepoint, which would cost two statements: if a part of it fails, the caller's transaction fails.
    with transaction.atomic(savepoint=False):
        Event.objects.bulk_create(events)
        for event in events:
            for path in EVENT_RECORDED.values():
                resolve(path)(event)


@transaction.atomic
def raise_alert(
    key: str,
    message: str,
    *,
    camera: Cameras,
    severity: str = Severity.WARNING,
    data: dict[str, Any] | None = None,
    host: str = "",
) -> Alert:
    """Open the alert `key`, or increase its count when it is already open. `camera`: all cameras that the message
    names or is about; None for a whole disk or host, which concerns all users. `host` is the machine that it is about;
    the one that reports it when it is empty."""
    host = host or settings.STATION.host
    # Of two processes that raise it at once, the constraint lets one insert the row, and `get_or_create` reads it in
    # the other.
    unresolved = Alert.objects.exclude(state=Alert.State.RESOLVED)
    stated = {"message": message, "mentions": mentions_of(message), "data": data or {}, "host": host}
    stated |= camera_columns(camera)
    # By the database's clock: another machine may close an alert that is not repeated.
    now = database_clock.estimate()
    opened = {"severity": severity, "opened_at": now, "last_seen_at": now}
    alert, created = unresolved.get_or_create(key=key, defaults={**opened, **stated})
    if created:
        record_event("alert.opened", message, severity=severity, camera=camera, subject=alert.id, data={"key": key})
        publish_alert(alert)
        return alert
    # An update with F(), so that two processes lose no count. The camera, too: a slug in the key may be used again.
    is_counted = unresolved.filter(pk=alert.pk).update(
        severity=severity, last_seen_at=now, count=F("count") + 1, **stated
    )
    if not is_counted:
        # Another process has resolved it meanwhile: the condition is a new alert.
        return raise_alert(key, message, severity=severity, camera=camera, data=data, host=host)
    alert.refresh_from_db()
    return alert


@transaction.atomic
def resolve_alert(key: str, why: str = "") -> bool:
    """Resolve the alert `key`; False when none is open. `why` says why it closes, if its cause is not known to be
    over."""
    found = Alert.objects.filter(key=key).exclude(state=Alert.State.RESOLVED)
    # Read before the update, after which `found` is empty.
    first, now = found.first(), database_clock.estimate()
    closed = found.update(state=Alert.State.RESOLVED, resolved_at=now)
    # Only the process whose update resolved the row writes the event.
    if closed:
        record_event(
            "alert.resolved",
            sentence("{key} is closed: {why}", key=key, why=why) if why else f"{key} is over.",
            camera=first.camera_refs if first else None,
            subject=first.pk if first else "",
            data={"key": key},
        )
    if closed and first:
        first.state, first.resolved_at = Alert.State.RESOLVED, now
        publish_alert(first)
    return bool(closed)


def resolve_alerts(beginning: str) -> None:
    """Resolve all alerts whose key begins like this."""
    for key in sorted(unresolved_keys(beginning)):
        resolve_alert(key)


@transaction.atomic
def acknowledge_alert(alert: Alert, actor: str) -> Alert:
    """Mark an alert as seen. An alert that is no longer open does not change."""
    # Conditional: an alert that was resolved meanwhile must not become unresolved again.
    changed = Alert.objects.filter(pk=alert.pk, state=Alert.State.OPEN).update(
        state=Alert.State.ACKNOWLEDGED, acknowledged_at=database_clock.now(), acknowledged_by=actor
    )
    if changed:
        record_event(
            "alert.acknowledged",
            sentence("{actor} has seen: {message}", actor=actor, message=alert.sentence),
            camera=alert.camera_refs,
            subject=alert.id,
            actor=actor,
        )
    alert.refresh_from_db()
    if changed:
        publish_alert(alert)
    return alert


def end_cause(kind: str, subject: object, why: str) -> None:
    """What the events of this kind about `subject` report is over: their alerts need not stay open."""
    for path in EVENT_OVER.values():
        resolve(path)(kind, subject, why)
