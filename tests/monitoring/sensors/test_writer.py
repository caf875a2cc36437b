"""Readings become rows, once each, and wait while the database is away."""

from __future__ import annotations

import threading
import uuid
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection

from core.events.models import Event
from core.events.service import record_event
from monitoring.models import DueAggregate, Reading, Sensor, SensorChannel
from monitoring.sensor_host.journal import ReadingJournal
from monitoring.sensor_host.writer import ReadingWriter, WaitingReadings
from tests.harness.rows.sensors import judged, make_sensor
from tests.harness.waiting import PATIENCE_S

pytestmark = pytest.mark.django_db(transaction=True)
AT_MS = 1_800_000_000_000


@pytest.fixture
def sensor() -> Sensor:
    return make_sensor()


@pytest.fixture
def journal(tmp_path: Path) -> ReadingJournal:
    return ReadingJournal(tmp_path / "readings", max_segments=2)


@pytest.fixture
def writer(journal: ReadingJournal) -> ReadingWriter:
    return ReadingWriter("main", journal)


def refuse_writes(writer: ReadingWriter) -> None:
    """One attempt to write while the database is away."""

    def refuse(*_: Any) -> Any:
        raise OperationalError("database is locked")

    with connection.execute_wrapper(refuse):
        writer.write()


def times() -> list[int]:
    return list(Reading.objects.order_by("at_ms").values_list("at_ms", flat=True))


def test_a_first_reading_creates_its_channel(writer: ReadingWriter, sensor: Sensor) -> None:
    writer.add([judged(sensor, AT_MS)])
    writer.write()
    row = Reading.objects.get()
    assert (row.channel.key, row.channel.quantity, row.value) == ("t", "temperature", 20.0)


def test_the_first_temperature_is_that_of_the_site(writer: ReadingWriter, sensor: Sensor) -> None:
    writer.add([judged(sensor, AT_MS), judged(sensor, AT_MS, channel="u")])
    writer.write()
    assert list(SensorChannel.objects.order_by("key").values_list("main", flat=True)) == [True, False]


def test_the_temperature_of_a_processor_is_not_that_of_the_site(writer: ReadingWriter) -> None:
    writer.add([judged(make_sensor(kind="host"), AT_MS)])
    writer.write()
    assert not SensorChannel.objects.get().main


def test_the_dashboard_begins_with_a_few_channels_of_a_computer(writer: ReadingWriter, sensor: Sensor) -> None:
    computer = make_sensor("vm", kind="host")
    keys = ("temperature:coretemp:0", "temperature:coretemp:1", "cpu", "load:5", "disk:/", "network:enp1s0:sent")
    writer.add(judged(computer, AT_MS, channel=key) for key in keys)
    writer.add([judged(sensor, AT_MS, channel="anything")])
    writer.write()
    shown = SensorChannel.objects.filter(hidden=False).values_list("key", flat=True)
    assert set(shown) == {"temperature:coretemp:0", "cpu", "disk:/", "anything"}


def test_readings_of_a_second_take_one_transaction(
    writer: ReadingWriter, sensor: Sensor, django_assert_num_queries: Any
) -> None:
    writer.add([judged(sensor, AT_MS)])
    writer.write()
    writer.add(judged(sensor, AT_MS + 2000 + number) for number in range(100))
    # BEGIN, the readings, their minute and COMMIT: the channel is known.
    with django_assert_num_queries(4):
        writer.write()


def test_the_minute_of_a_reading_becomes_due(writer: ReadingWriter, sensor: Sensor) -> None:
    writer.add([judged(sensor, AT_MS), judged(sensor, AT_MS + 60_000)])
    writer.write()
    assert list(DueAggregate.objects.order_by("start_s").values_list("seconds", "start_s")) == [
        (60, AT_MS // 1000),
        (60, AT_MS // 1000 + 60),
    ]


def test_a_late_reading_makes_its_minute_due_again(writer: ReadingWriter, sensor: Sensor) -> None:
    writer.add([judged(sensor, AT_MS)])
    writer.write()
    writer.add([judged(sensor, AT_MS + 600_000)])
    writer.write()
    DueAggregate.objects.all().delete()
    writer.add([judged(sensor, AT_MS + 1000)])
    writer.write()
    assert DueAggregate.objects.filter(start_s=AT_MS // 1000).exists()


def test_a_reading_that_is_written_twice_is_one_row(writer: ReadingWriter, sensor: Sensor) -> None:
    writer.add([judged(sensor, AT_MS), judged(sensor, AT_MS, 99.0)])
    writer.write()
    assert list(Reading.objects.values_list("value", flat=True)) == [20.0]


def test_readings_wait_in_the_journal_while_the_database_is_away(
    writer: ReadingWriter, journal: ReadingJournal, sensor: Sensor
) -> None:
    writer.add([judged(sensor, AT_MS)])
    refuse_writes(writer)
    assert (times(), bool(journal)) == ([], True)


def test_readings_of_an_outage_are_written_after_it(
    writer: ReadingWriter, journal: ReadingJournal, sensor: Sensor
) -> None:
    writer.add([judged(sensor, AT_MS)])
    refuse_writes(writer)
    writer.add([judged(sensor, AT_MS + 1)])
    refuse_writes(writer)
    writer.add([judged(sensor, AT_MS + 2)])
    writer.write()
    assert (times(), bool(journal), writer.losses.total) == ([AT_MS, AT_MS + 1, AT_MS + 2], False, 0)


def test_readings_of_an_outage_survive_a_kill(writer: ReadingWriter, tmp_path: Path, sensor: Sensor) -> None:
    writer.add([judged(sensor, AT_MS)])
    refuse_writes(writer)
    ReadingWriter("main", ReadingJournal(tmp_path / "readings")).write()
    assert times() == [AT_MS]


def test_a_kill_between_the_commit_and_the_removal_writes_nothing_twice(
    writer: ReadingWriter, journal: ReadingJournal, sensor: Sensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.add([judged(sensor, AT_MS)])
    refuse_writes(writer)
    with monkeypatch.context() as patch:
        patch.setattr(journal, "remove", lambda _segment: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            writer.write()
    writer.write()
    assert times() == [AT_MS]


def test_readings_that_no_database_takes_are_counted_and_stop_no_others(
    writer: ReadingWriter, journal: ReadingJournal, sensor: Sensor
) -> None:
    refused = [judged(sensor, 10**30), judged(sensor, AT_MS + 1)._replace(sensor="no uuid")]
    journal.append([judged(sensor, AT_MS), *refused, judged(sensor, AT_MS + 2)])
    writer.add([judged(sensor, AT_MS + 3), *refused])
    writer.write()
    writer.write()
    assert (times(), writer.losses.total, bool(journal)) == ([AT_MS, AT_MS + 2, AT_MS + 3], 4, False)
    assert Event.objects.filter(kind="sensor.readings_lost").exists()


def test_readings_that_no_journal_can_hold_are_counted_and_reported(writer: ReadingWriter, sensor: Sensor) -> None:
    writer.add(judged(sensor, AT_MS + number) for number in range(15_000))
    refuse_writes(writer)
    writer.write()
    event = Event.objects.get(kind="sensor.readings_lost")
    assert (event.data["count"], writer.losses.total, Reading.objects.count()) == (5_000, 5_000, 10_000)


def test_readings_wait_in_memory_if_the_disk_refuses_them(
    writer: ReadingWriter, journal: ReadingJournal, sensor: Sensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_readings: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(journal, "append", refuse)
        writer.add([judged(sensor, AT_MS), judged(sensor, AT_MS + 1)])
        refuse_writes(writer)
    writer.write()
    assert times() == [AT_MS, AT_MS + 1]


def test_readings_of_a_removed_sensor_stop_no_others(writer: ReadingWriter, sensor: Sensor) -> None:
    removed = Sensor(pk=uuid.uuid4(), name="gone")
    writer.add([judged(removed, AT_MS), judged(sensor, AT_MS + 1)])
    writer.write()
    assert times() == [AT_MS + 1]


def test_readings_of_a_sensor_that_is_removed_while_it_is_read_stop_no_others(
    writer: ReadingWriter, sensor: Sensor
) -> None:
    other = make_sensor("other")
    writer.add([judged(sensor, AT_MS), judged(other, AT_MS)])
    writer.write()
    Sensor.objects.filter(pk=other.pk).delete()
    writer.add([judged(other, AT_MS + 1), judged(sensor, AT_MS + 1)])
    writer.write()
    assert times() == [AT_MS, AT_MS + 1]


def test_a_missing_channel_is_a_row_without_a_value(writer: ReadingWriter, sensor: Sensor) -> None:
    writer.add([judged(sensor, AT_MS, None, "missing")])
    writer.write()
    row = Reading.objects.get()
    assert (row.value, row.get_quality_display()) == (None, "missing")


def test_memory_is_bounded_while_nothing_takes_the_readings(sensor: Sensor) -> None:
    lost: list[int] = []
    waiting = WaitingReadings(10, lost.append)
    waiting.add(judged(sensor, AT_MS + number) for number in range(15))
    waiting.put_back([judged(sensor, AT_MS)])
    assert (waiting.drain()[0].at_ms, lost) == (AT_MS + 5, [5, 1])


def test_readings_go_to_the_journal_while_the_database_hangs(
    writer: ReadingWriter, journal: ReadingJournal, sensor: Sensor
) -> None:
    hangs, goes_on = threading.Event(), threading.Event()

    def hang(*_: Any) -> Any:
        hangs.set()
        goes_on.wait(PATIENCE_S)
        raise OperationalError("the connection was lost")

    def write() -> None:
        with connection.execute_wrapper(hang):
            writer.write()

    writer.add([judged(sensor, AT_MS)])
    thread = threading.Thread(target=write)
    thread.start()
    assert hangs.wait(PATIENCE_S)
    writer.add([judged(sensor, AT_MS + 1)])
    writer.relieve(hangs_s=0.0)
    kept = len(journal)
    goes_on.set()
    thread.join(PATIENCE_S)
    writer.write()
    assert (kept, times(), writer.losses.total) == (1, [AT_MS, AT_MS + 1], 0)


def test_a_write_that_is_quick_is_not_relieved(writer: ReadingWriter, journal: ReadingJournal, sensor: Sensor) -> None:
    writer.add([judged(sensor, AT_MS)])
    writer.relieve(hangs_s=0.0)
    assert not journal


def test_events_wait_while_the_database_is_away(writer: ReadingWriter) -> None:
    writer.writes.add(
        lambda: Event.objects.create(kind="sensor.missing", message="The sensor balcony gives no values.")
    )
    refuse_writes(writer)
    writer.write()
    assert Event.objects.get().kind == "sensor.missing"


def test_a_write_that_is_refused_for_ever_stops_no_others(writer: ReadingWriter) -> None:
    def refuse() -> None:
        raise ValueError("A string literal cannot contain NUL (0x00) characters.")

    writer.writes.add(refuse)
    writer.writes.add(lambda: record_event("sensor.returned", "The sensor is back.", camera=None))
    writer.write()
    assert Event.objects.get().kind == "sensor.returned"


def test_an_error_in_a_write_stops_no_others_and_is_reported(writer: ReadingWriter) -> None:
    writer.writes.add(lambda: 1 / 0)
    writer.writes.add(lambda: record_event("sensor.returned", "The sensor is back.", camera=None))
    writer.write()
    writer.write()
    assert list(Event.objects.order_by("pk").values_list("kind", flat=True)) == [
        "sensor.returned",
        "sensor.events_lost",
    ]


def test_events_beyond_the_limit_are_counted_and_reported(
    writer: ReadingWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitoring.sensor_host.writer.MAX_WRITES", 10)
    for number in range(13):
        writer.writes.add(partial(record_event, "sensor.missing", f"Event {number}.", camera=None))
    writer.write()
    assert Event.objects.get(kind="sensor.events_lost").data == {"count": 3}
    assert Event.objects.filter(kind="sensor.missing").count() == 10
