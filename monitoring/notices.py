"""Notices of events, alerts and readings for open pages and programs, over Redis pub/sub.

All of it is in the database, too: a notice that is lost costs a page some seconds, and nothing else.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Sequence
from typing import Any, Literal, TypedDict

from django.db import transaction

from core.broker.notices import NoticeKind, publish_notice
from core.periodic.thread import PeriodicThread
from core.resources.answers import body_of
from core.times.timestamps import stamp_ms
from monitoring.models import Alert, Event
from monitoring.resource import AlertBody, EventBody
from monitoring.sensors.reading import JudgedReading


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


class ReadingBody(TypedDict):
    """`value` is null while the channel is missing."""

    sensor: str
    channel: str
    quantity: str
    value: float | None
    quality: str
    at: str


class ReadingsNotice(TypedDict):
    readings: list[ReadingBody]


EVENTS: NoticeKind[EventNotice | AlertNotice] = NoticeKind("events")
READINGS: NoticeKind[ReadingsNotice] = NoticeKind("readings")


def publish_event(event: Event) -> None:
    """Publish after the commit; a failure does not affect the commit."""
    notice = EventNotice(type="event", camera_ids=event.camera_ids, body=body_of(EventBody, event))
    transaction.on_commit(lambda: publish_notice(EVENTS, notice), robust=True)


def publish_alert(alert: Alert) -> None:
    """Publish after the commit; a failure does not affect the commit."""
    notice = AlertNotice(type="alert", camera_ids=alert.camera_ids, body=body_of(AlertBody, alert))
    transaction.on_commit(lambda: publish_notice(EVENTS, notice), robust=True)


class ReadingPublisher:
    """Publishes the newest reading of each channel, at most one notice a second, on a thread of its own."""

    def __init__(self, every_s: float | None = None) -> None:
        self._newest: dict[tuple[str, str, str], ReadingBody] = {}
        self._lock = threading.Lock()
        PeriodicThread("reading-notices", self.publish, interval_s=every_s).start()

    def add(self, readings: Sequence[JudgedReading]) -> None:
        """Returns at once."""
        with self._lock:
            for reading in readings:
                self._newest[reading.name, reading.channel, reading.quantity] = reading_body(reading)

    def publish(self) -> None:
        with self._lock:
            found, self._newest = self._newest, {}
        if found:
            publish_notice(READINGS, ReadingsNotice(readings=list(found.values())))


def reading_body(reading: JudgedReading) -> ReadingBody:
    return ReadingBody(
        sensor=reading.name,
        channel=reading.channel,
        quantity=reading.quantity,
        value=reading.value,
        quality=reading.quality,
        at=stamp_ms(reading.at_ms),
    )


@functools.cache
def reading_publisher() -> ReadingPublisher:
    return ReadingPublisher()


def publish_readings(readings: Sequence[JudgedReading]) -> None:
    """Publish new readings, within a second. Never waits and never fails."""
    reading_publisher().add(readings)
