"""What the removal of a sensor deletes, and when."""

from __future__ import annotations

from typing import Any

import pytest

from monitoring.models import DueAggregate, Reading, ReadingAggregate, Sensor, SensorChannel
from monitoring.sensor_management import services
from monitoring.sensor_management.services import count_removal, remove_readings
from tests.harness.rows.sensors import make_sensor

pytestmark = pytest.mark.django_db


def with_readings(name: str, number: int) -> Sensor:
    sensor = make_sensor(name)
    channel = SensorChannel.objects.create(sensor=sensor, key="t", quantity="temperature", main=name == "balcony")
    Reading.objects.bulk_create(Reading(channel=channel, at_ms=at_ms, value=1.0) for at_ms in range(number))
    ReadingAggregate.objects.create(channel=channel, seconds=60, start_s=0)
    DueAggregate.objects.create(channel=channel, seconds=60, start_s=0)
    return sensor


def test_what_would_be_deleted_is_counted() -> None:
    assert count_removal(with_readings("balcony", 7)) == (1, 7, 1)


def test_many_rows_are_not_counted_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "COUNTED", 5)
    assert count_removal(with_readings("balcony", 7)).readings_text == "more than 5 readings"


def test_the_retention_deletes_a_removed_sensor_in_batches(manager: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "BATCH", 4)
    with_readings("balcony", 7)
    kept = with_readings("roof", 3)
    assert remove_readings() == 0
    manager.delete("/api/v1/sensors/balcony/")
    assert not SensorChannel.objects.filter(main=True).exists()
    assert [remove_readings() for _ in range(6)] == [4, 3, 1, 1, 1, 0]
    assert (SensorChannel.objects.get().sensor, Reading.objects.count(), ReadingAggregate.objects.count()) == (
        kept,
        3,
        1,
    )
