"""How long readings and their minutes are kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import settings

from core import partitions
from monitoring.models import DueAggregate, Reading, ReadingAggregate, SensorChannel
from monitoring.readings.aggregation import DAY_S, HOUR_S, MINUTE_S, TEN_MINUTES_S, aggregate_due
from monitoring.retention import RETENTION, remove_expired
from tests.harness.rows.readings import channel_of, read

pytestmark = pytest.mark.django_db
ENTRIES = {name: RETENTION[name] for name in ("readings", "reading_minutes")}


@pytest.fixture(autouse=True)
def remove_parts_of_months(monkeypatch: pytest.MonkeyPatch) -> None:
    """On PostgreSQL, do not wait for the end of the month."""
    monkeypatch.setattr(partitions, "BEYOND_MONTH", timedelta(0))


@pytest.fixture
def channel(db: None) -> SensorChannel:
    return channel_of()


@pytest.fixture
def kept_for(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    def configure(raw_days: int, minute_days: int) -> None:
        readings = settings.STATION.monitoring.readings.model_copy(
            update={"raw_days": raw_days, "minute_days": minute_days}
        )
        monitoring = settings.STATION.monitoring.model_copy(update={"readings": readings})
        monkeypatch.setattr(settings, "STATION", settings.STATION.model_copy(update={"monitoring": monitoring}))

    return configure


def read_days_ago(channel: SensorChannel, *days: int) -> None:
    for number in days:
        read(channel, [float(number)], from_s=time.time() - number * DAY_S - 180)


def rows(seconds: int) -> int:
    return ReadingAggregate.objects.filter(seconds=seconds).count()


def test_readings_and_minutes_are_removed_hours_and_days_stay(
    channel: SensorChannel, kept_for: Callable[[int, int], None]
) -> None:
    kept_for(2, 4)
    read_days_ago(channel, 9, 6, 5, 3, 1, 0)
    aggregate_due()
    assert remove_expired(ENTRIES) == {"readings": 4, "reading_minutes": 4}
    assert (Reading.objects.count(), rows(MINUTE_S), rows(HOUR_S), rows(DAY_S)) == (2, 4, 6, 6)


def test_a_reading_whose_minute_is_not_computed_stays(
    channel: SensorChannel, kept_for: Callable[[int, int], None]
) -> None:
    kept_for(1, 1)
    read_days_ago(channel, 3, 1, 0)
    aggregate_due()
    read_days_ago(channel, 9, 4)
    assert remove_expired(ENTRIES)["readings"] == 0
    aggregate_due()
    assert remove_expired(ENTRIES)["readings"] == 4


def test_a_minute_stays_until_the_levels_above_are_computed(
    channel: SensorChannel, kept_for: Callable[[int, int], None]
) -> None:
    kept_for(1, 1)
    read_days_ago(channel, 9, 3, 0)
    aggregate_due()
    DueAggregate.objects.create(channel=channel, seconds=TEN_MINUTES_S, start_s=0)
    DueAggregate.objects.create(channel=channel, seconds=HOUR_S, start_s=0)
    assert remove_expired(ENTRIES)["reading_minutes"] == 0


def test_zero_keeps_all_for_ever(channel: SensorChannel, kept_for: Callable[[int, int], None]) -> None:
    kept_for(0, 0)
    read_days_ago(channel, 9000, 8000, 0)
    aggregate_due()
    assert not any(remove_expired(ENTRIES).values())


def test_the_newest_days_with_readings_stay_when_the_clock_jumps(
    channel: SensorChannel, kept_for: Callable[[int, int], None]
) -> None:
    kept_for(3, 3)
    read_days_ago(channel, 902, 901, 900, 0)
    aggregate_due()
    assert remove_expired(ENTRIES) == {"readings": 1, "reading_minutes": 2}
