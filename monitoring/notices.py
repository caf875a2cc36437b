"""Publishes the new readings for open pages and programs, at most once a second."""

from __future__ import annotations

import functools
import threading
from collections.abc import Sequence

from core.broker.notices import publish_notice
from core.periodic.thread import PeriodicThread
from core.readings.notices import READINGS, ReadingBody, ReadingsNotice
from core.readings.reading import JudgedReading
from core.times.timestamps import stamp_ms


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
