"""Notices of events and alerts for open pages and programs, over Redis pub/sub.

All of it is in the database, too: a notice that is lost costs a page some seconds, and nothing else.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from django.db import transaction

from core.broker.notices import NoticeKind, publish_notice
from core.events.answers import AlertBody, EventBody
from core.events.models import Alert, Event
from core.resources.answers import body_of


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
