"""What the removal of a sensor deletes, and the retention that deletes it in small batches."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db.models import Manager

from core.text.amounts import pluralize
from monitoring.models import DueAggregate, Reading, ReadingAggregate, Sensor, SensorChannel

COUNTED = 1_000_000
"""More rows are not counted: it would take seconds."""
BATCH = 5_000
"""Rows of one transaction. They are small: it takes some hundredths of a second."""


class RemovalCounts(NamedTuple):
    """`readings` and `aggregates` are at most COUNTED."""

    channels: int
    readings: int
    aggregates: int

    @property
    def readings_text(self) -> str:
        return f"more than {COUNTED:,} readings" if self.readings >= COUNTED else pluralize(self.readings, "reading")


def count_removal(sensor: Sensor) -> RemovalCounts:
    """What would be deleted with the sensor."""
    return RemovalCounts(
        sensor.channels.count(),
        Reading.objects.filter(channel__sensor=sensor).order_by()[:COUNTED].count(),
        ReadingAggregate.objects.filter(channel__sensor=sensor).order_by()[:COUNTED].count(),
    )


def remove_readings() -> int:
    """Delete a batch of rows of removed sensors, and at last their channels; RETENTION lists it. The number of rows.

    The sensor's own row stays: it says that the first start has created it already.
    """
    removed = list(Sensor.objects.exclude(removed_at=None).filter(channels__isnull=False).distinct()[:100])
    if not removed:
        return 0
    managers: list[Manager[Any]] = [Reading.objects, ReadingAggregate.objects, DueAggregate.objects]
    deleted = next((count for rows in managers if (count := _remove_batch(rows, removed))), 0)
    return deleted or SensorChannel.objects.filter(sensor__in=removed).delete()[0]


def _remove_batch(rows: Manager[Any], sensors: list[Sensor]) -> int:
    found = rows.filter(channel__sensor__in=sensors).order_by()
    batch = list(found.values_list("pk", flat=True)[:BATCH])
    return rows.filter(pk__in=batch).delete()[0] if batch else 0
