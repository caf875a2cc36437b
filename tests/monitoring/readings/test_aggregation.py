"""Readings become aggregates of minutes, hours and days."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from monitoring.models import DueAggregate, Reading, ReadingAggregate, ReadingQuality, SensorChannel
from monitoring.readings import aggregation
from monitoring.readings.aggregation import (
    DAY_S,
    HOUR_S,
    LEVELS,
    MINUTE_S,
    Stretch,
    aggregate_batch,
    aggregate_due,
    stretches,
)
from tests.harness.rows.readings import NOON_S, channel_of, read, write
from tests.harness.waiting import PATIENCE_S

pytestmark = pytest.mark.django_db
HOUR_START = NOON_S // HOUR_S * HOUR_S


@pytest.fixture
def channel(db: None) -> SensorChannel:
    return channel_of()


def stored(seconds: int) -> list[tuple[Any, ...]]:
    rows = ReadingAggregate.objects.filter(seconds=seconds).order_by("channel", "start_s")
    return list(rows.values_list("start_s", "minimum", "maximum", "mean", "count"))


def test_the_readings_of_a_minute_become_one_row_of_each_level(channel: SensorChannel) -> None:
    read(channel, [1.0, 2.0, 6.0])
    aggregate_due()
    assert stored(MINUTE_S) == [(NOON_S, 1.0, 6.0, 3.0, 3)]
    assert stored(HOUR_S) == [(HOUR_START, 1.0, 6.0, 3.0, 3)]
    assert stored(DAY_S) == [(NOON_S // DAY_S * DAY_S, 1.0, 6.0, 3.0, 3)]
    assert not DueAggregate.objects.exists()


def test_the_mean_of_an_hour_is_that_of_its_readings_and_not_of_its_minutes(channel: SensorChannel) -> None:
    read(channel, [1.0, 1.0, 1.0])
    read(channel, [9.0], from_s=NOON_S + 60)
    aggregate_due()
    assert stored(HOUR_S) == [(HOUR_START, 1.0, 9.0, 3.0, 4)]


def test_only_plausible_readings_are_part_of_the_mean(channel: SensorChannel) -> None:
    read(channel, [20.0, None])
    write(
        Reading(channel=channel, at_ms=(NOON_S + second) * 1000, value=85.0, quality=quality)
        for second, quality in ((10, ReadingQuality.IMPLAUSIBLE), (12, ReadingQuality.STALE))
    )
    aggregate_due()
    assert stored(DAY_S)[0][1:] == (20.0, 20.0, 20.0, 1)
    day = ReadingAggregate.objects.get(seconds=DAY_S)
    assert (day.stale, day.implausible, day.missing) == (1, 1, 1)


def test_a_minute_without_a_plausible_reading_has_no_mean(channel: SensorChannel) -> None:
    read(channel, [None])
    aggregate_due()
    assert [row[1:] for seconds in LEVELS for row in stored(seconds)] == [(None, None, None, 0)] * 4


def test_a_minute_is_computed_a_minute_after_its_end(channel: SensorChannel) -> None:
    read(channel, [1.0])
    assert aggregate_batch(MINUTE_S, NOON_S + 119) == 0
    assert aggregate_batch(MINUTE_S, NOON_S + 120) == 1


def test_a_minute_of_a_clock_that_was_ahead_is_computed_at_once(channel: SensorChannel) -> None:
    read(channel, [1.0], from_s=NOON_S + DAY_S)
    assert aggregate_batch(MINUTE_S, NOON_S) == 1


def test_a_late_reading_changes_its_minute_hour_and_day(channel: SensorChannel) -> None:
    read(channel, [1.0])
    aggregate_due()
    read(channel, [3.0], from_s=NOON_S + 30)
    aggregate_due()
    assert [row[1:] for seconds in LEVELS for row in stored(seconds)] == [(1.0, 3.0, 2.0, 2)] * 4


def test_a_late_reading_does_not_replace_a_minute_whose_readings_were_removed(channel: SensorChannel) -> None:
    read(channel, [1.0, 2.0, 3.0])
    aggregate_due()
    Reading.objects.all().delete()
    read(channel, [50.0])
    aggregate_due()
    assert stored(MINUTE_S) == [(NOON_S, 1.0, 3.0, 2.0, 3)]
    assert not DueAggregate.objects.exists()


def test_a_late_minute_does_not_replace_an_hour_whose_minutes_were_removed(channel: SensorChannel) -> None:
    read(channel, [1.0, 2.0, 3.0])
    aggregate_due()
    ReadingAggregate.objects.filter(seconds__lt=HOUR_S).delete()
    Reading.objects.all().delete()
    read(channel, [50.0], from_s=HOUR_START)
    aggregate_due()
    assert stored(HOUR_S) == [(HOUR_START, 1.0, 3.0, 2.0, 3)]


def test_an_aggregate_that_is_computed_twice_is_the_same(channel: SensorChannel) -> None:
    read(channel, [1.0, 2.0])
    aggregate_due()
    before = stored(MINUTE_S) + stored(HOUR_S) + stored(DAY_S)
    DueAggregate.objects.create(channel=channel, seconds=MINUTE_S, start_s=NOON_S)
    aggregate_due()
    assert stored(MINUTE_S) + stored(HOUR_S) + stored(DAY_S) == before


def test_a_failure_between_two_lines_loses_no_mark(channel: SensorChannel, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    read(channel, [1.0])
    monkeypatch.setattr(aggregation, "mark_due", fail)
    with pytest.raises(RuntimeError):
        aggregate_due()
    assert DueAggregate.objects.get().start_s == NOON_S
    assert stored(MINUTE_S) == []


def test_a_backlog_is_computed_in_bounded_steps(channel: SensorChannel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aggregation, "BATCH", 7)
    read(channel, range(60), every_s=60)
    assert aggregate_batch(MINUTE_S, int(time.time())) == 7
    aggregate_due()
    assert sum(row[4] for row in stored(HOUR_S)) == 60


def test_one_run_ends_in_time(channel: SensorChannel) -> None:
    read(channel, [1.0])
    assert aggregate_due(run_s=0.0) == 0


def test_a_batch_of_many_minutes_is_a_few_queries(channel: SensorChannel, django_assert_max_num_queries: Any) -> None:
    read(channel, range(300), every_s=60)
    read(channel_of("cellar"), range(0, 400, 2), every_s=120)
    with django_assert_max_num_queries(16):
        assert aggregate_batch(MINUTE_S, int(time.time())) == 500


def test_consecutive_minutes_of_a_channel_are_one_stretch() -> None:
    starts = [(2, 0), (1, 120), (1, 0), (1, 60), (1, 240)]
    assert list(stretches(60, starts)) == [Stretch(1, 0, 180), Stretch(1, 240, 300), Stretch(2, 0, 60)]


def test_the_jobs_worker_aggregates_each_minute() -> None:
    from skycam_project.celery import app

    app.loader.import_default_modules()
    entry = settings.CELERY_BEAT_SCHEDULE["readings"]
    assert entry["task"] in app.tasks
    assert entry["schedule"] == 60.0


@pytest.mark.django_db(transaction=True)
def test_two_hosts_at_once_compute_all_of_a_backlog(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aggregation, "BATCH", 5)
    read(channel_of(), range(100), every_s=60)
    with ThreadPoolExecutor(2) as threads:
        runs = [threads.submit(aggregate_and_close) for _ in range(2)]
    assert sum(run.result() for run in runs) >= 100
    aggregate_due()
    assert sum(row[4] for row in stored(DAY_S)) == 100
    assert not DueAggregate.objects.exists()


def aggregate_and_close() -> int:
    try:
        return aggregate_due(run_s=PATIENCE_S)
    finally:
        connection.close()
