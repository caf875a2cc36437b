"""Events and alerts as JSON, for API, sockets and command line."""

from __future__ import annotations

from typing import Any, TypedDict

from core.text.sentences import spans_of
from core.times.timestamps import stamp, stamp_or_none
from monitoring.models import Alert, Event


class EventBody(TypedDict):
    id: str
    at: str
    kind: str
    severity: str
    camera: str
    subject: str
    actor: str
    host: str
    message: str
    data: dict[str, Any]
    mentions: list[list[int]]
    """Where the message has slugs of cameras: `[[begin, end], ...]` in characters."""


class AlertBody(TypedDict):
    id: str
    key: str
    severity: str
    state: str
    camera: str
    host: str
    message: str
    opened: str
    last_seen: str
    count: int
    acknowledged: str | None
    acknowledged_by: str
    resolved: str | None
    data: dict[str, Any]
    mentions: list[list[int]]
    """As of an event."""


ADDRESS = "address"
"""An argument of camera commands that only managers may see."""


def event_body(event: Event, user: Any) -> EventBody:
    """As `user` may see it."""
    body = full_event_body(event)
    return body if user.may("manager") else body_without_address(body)


def full_event_body(event: Event) -> EventBody:
    """As managers may see it."""
    return EventBody(
        id=str(event.id),
        at=stamp(event.at),
        kind=event.kind,
        severity=event.severity,
        camera=event.camera,
        subject=event.subject,
        actor=event.actor,
        host=event.host,
        message=event.message,
        data=event.data,
        mentions=spans_of(event.sentence),
    )


def body_without_address(body: EventBody) -> EventBody:
    """As all other users may see it."""
    return {**body, "data": without_address(body["data"])}


def without_address(data: dict[str, Any]) -> dict[str, Any]:
    # Left out on reading and not on writing: managers may see addresses, and events are never changed.
    arguments = data.get("arguments")
    if not isinstance(arguments, dict) or ADDRESS not in arguments:
        return data
    return {**data, "arguments": {name: value for name, value in arguments.items() if name != ADDRESS}}


def alert_body(alert: Alert) -> AlertBody:
    return AlertBody(
        id=str(alert.id),
        key=alert.key,
        severity=alert.severity,
        state=alert.state,
        camera=alert.camera,
        host=alert.host,
        message=alert.message,
        opened=stamp(alert.opened_at),
        last_seen=stamp(alert.last_seen_at),
        count=alert.count,
        acknowledged=stamp_or_none(alert.acknowledged_at),
        acknowledged_by=alert.acknowledged_by,
        resolved=stamp_or_none(alert.resolved_at),
        data=alert.data,
        mentions=spans_of(alert.sentence),
    )
