"""Months of events and readings on a real PostgreSQL. A process of its own calls what a test does there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from core.events.models import Event
from core.partitions import EVENTS, READINGS, create_partitions, drop_partitions, months_of, rows_outside_months
from monitoring.models import DueAggregate, Reading
from monitoring.readings.aggregation import DAY_S
from skycam_project import health
from skycam_project.access.models import User
from skycam_project.cli.diagnostics import DATABASE, run_check
from skycam_project.cli.station import Station
from tests.harness.migrations import migrate, returned_with
from tests.harness.postgresql import own_server, postgresql
from tests.harness.rows.readings import channel_of, write
from tests.harness.waiting import PATIENCE_S

NOW = datetime.now(UTC).replace(microsecond=0)
BEFORE, AFTER = ("monitoring", "0017_mentions"), ("monitoring", "0018_partitions_by_month")


@pytest.fixture
def database() -> Iterator[str]:
    with postgresql() as address:
        yield address


def event(days_ago: float, severity: str = "info") -> Event:
    return Event.objects.create(
        kind="a.b", message=f"{severity} {days_ago:g}", severity=severity, at=NOW - timedelta(days=days_ago)
    )


def messages() -> list[str]:
    return list(Event.objects.values_list("message", flat=True))


def place_events() -> Any:
    for days_ago in (0, 70, 400, 20_000, -20_000):
        event(days_ago)
    made = create_partitions()
    return {
        "made": len(made), "again": create_partitions(), "outside": rows_outside_months()[EVENTS.name],
        "order": messages(), "found": Event.objects.get(message="info 400").at < NOW,
    }  # fmt: skip


def find_rows_of_wrong_clocks() -> dict[str, Any]:
    event(0)
    before = [one.state for one in run_check("partitions", DATABASE["partitions"], Station())]
    event(20_000)
    create_partitions()
    [found] = [one for one in run_check("partitions", DATABASE["partitions"], Station()) if one.state != "ok"]
    user = User.objects.create(username="anna", role="manager")
    return {
        "before": before, "state": found.state, "detail": found.detail, "remedy": found.remedy,
        "warned": [*health.warnings(user)], "broken": [*health.problems(user)],
    }  # fmt: skip


def test_rows_outside_the_months_are_a_warning_that_says_what_to_do(database: str, tmp_path: Path) -> None:
    found = returned_with(__name__, find_rows_of_wrong_clocks.__name__, tmp_path, DATABASE_URL=database)
    assert (found["before"], found["state"]) == (["ok", "ok"], "warning")
    assert found["detail"] == "monitoring_event has 1 row outside of its months, with times of a wrong clock."
    assert "with a DELETE on monitoring_event_default." in found["remedy"]
    assert "partitions" in found["warned"]
    assert "partitions" not in found["broken"]


def test_rows_move_to_the_months_that_are_made_for_them(database: str, tmp_path: Path) -> None:
    assert returned_with(__name__, place_events.__name__, tmp_path, DATABASE_URL=database) == {
        "made": 2, "again": [], "outside": 2, "found": True,
        "order": ["info -20000", "info 0", "info 70", "info 400", "info 20000"],
    }  # fmt: skip


def remove_months_of_events() -> Any:
    from monitoring import retention

    retention.NEWEST = 1
    for days_ago in (0, 60, 150, 500, 1300):
        for severity in ("info", "warning", "error"):
            event(days_ago, severity)
    create_partitions()
    # Of a wrong clock: outside any month.
    event(5000)
    retention.remove_expired({"events": "monitoring.retention.remove_events"})
    return messages()


def test_old_months_go_and_severe_events_of_them_stay(database: str, tmp_path: Path) -> None:
    left = returned_with(__name__, remove_months_of_events.__name__, tmp_path, DATABASE_URL=database)
    assert sorted(left) == sorted(
        [f"{one} {days}" for one in ("info", "warning", "error") for days in (0, 60)]
        + ["warning 150", "error 150", "error 500"]
    )  # fmt: skip


def remove_months_of_readings() -> Any:
    from monitoring.models import ReadingAggregate
    from monitoring.retention import remove_expired

    channel = channel_of()
    days = [*range(0, 70, 5), 120, 150]
    at_ms = [round((NOW - timedelta(days=one)).timestamp() * 1000) for one in days]
    # Twice, as after a kill.
    for _ in range(2):
        readings = [Reading(channel=channel, at_ms=one, value=1.0) for one in at_ms]
        Reading.objects.bulk_create(readings, ignore_conflicts=True)
    written = Reading.objects.count()
    create_partitions()
    # The minutes of 120 days ago are not computed yet.
    due = DueAggregate.objects.create(channel=channel, seconds=60, start_s=at_ms[-2] // 60_000 * 60)
    ReadingAggregate.objects.bulk_create(
        ReadingAggregate(channel=channel, seconds=DAY_S, start_s=round(NOW.timestamp()) // DAY_S * DAY_S - one * DAY_S)
        for one in range(20)
    )
    found, old = [written], Reading.objects.filter(at_ms__lt=at_ms[-2] + DAY_S * 1000)
    for waiting in (DueAggregate.objects.filter(pk=due.pk), DueAggregate.objects.none()):
        remove_expired({"readings": "monitoring.readings.aggregation.remove_readings"})
        found.append(old.count())
        waiting.delete()
    return [*found, Reading.objects.filter(at_ms__gte=at_ms[2]).count()]


def test_months_of_readings_wait_for_their_aggregates(database: str, tmp_path: Path) -> None:
    found = returned_with(__name__, remove_months_of_readings.__name__, tmp_path, DATABASE_URL=database)
    assert found == [16, 1, 0, 3]


def drop_beside_a_long_query() -> Any:
    event(70)
    create_partitions()
    begun, ended = threading.Event(), threading.Event()

    def read() -> None:
        with transaction.atomic():
            messages()
            begun.set()
            ended.wait(PATIENCE_S)
        connection.close()

    reader = threading.Thread(target=read)
    reader.start()
    begun.wait(PATIENCE_S)
    try:
        drop_partitions(EVENTS, NOW - timedelta(days=35))
        refused = ""
    except OperationalError as error:
        refused = str(error)
    ended.set()
    reader.join()
    return [refused.partition("\n")[0], messages(), len(drop_partitions(EVENTS, NOW - timedelta(days=35))), messages()]


def test_a_month_that_a_long_query_reads_goes_later(database: str, tmp_path: Path) -> None:
    found = returned_with(__name__, drop_beside_a_long_query.__name__, tmp_path, DATABASE_URL=database)
    assert found == ["canceling statement due to lock timeout", ["info 70"], 1, []]


def create_at_once() -> Any:
    for days_ago in range(40, 1000, 40):
        event(days_ago)
    made: list[str] = []

    def create() -> None:
        made.extend(create_partitions())
        connection.close()

    machines = [threading.Thread(target=create) for _ in range(3)]
    for machine in machines:
        machine.start()
    for machine in machines:
        machine.join()
    return [len(made) == len(set(made)), rows_outside_months(), len(messages())]


def test_of_several_machines_one_makes_a_month(database: str, tmp_path: Path) -> None:
    found = returned_with(__name__, create_at_once.__name__, tmp_path, DATABASE_URL=database)
    assert found == [True, {READINGS.name: 0, EVENTS.name: 0}, 24]


def convert_plain_tables() -> Any:
    before = migrate(BEFORE)
    channel = channel_of()
    rows = [(NOW - timedelta(days=one)) for one in (0, 40, 400)] + [datetime(1970, 1, 1, tzinfo=UTC)]
    events, readings = before("monitoring.Event"), before("monitoring.Reading")
    for at in rows:
        events.create(kind="a.b", message="m", at=at)
        readings.create(channel_id=channel.pk, at_ms=round(at.timestamp() * 1000), value=1.0)
    migrate(AFTER)
    write([Reading(channel=channel, at_ms=1, value=2.0)])
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_indexes WHERE tablename = 'monitoring_event'")
        indexes = cursor.fetchone()
    return [
        Event.objects.count(), sorted(Reading.objects.values_list("id", flat=True)), rows_outside_months(),
        len(months_of(EVENTS)), len(months_of(READINGS)), indexes,
    ]  # fmt: skip


def test_the_rows_of_a_station_are_kept_when_its_tables_are_partitioned(tmp_path: Path) -> None:
    with own_server() as address:
        found = returned_with(__name__, convert_plain_tables.__name__, tmp_path, DATABASE_URL=address)
    assert found == [4, [1, 2, 3, 4, 5], {READINGS.name: 2, EVENTS.name: 1}, 5, 5, [6]]


@pytest.mark.django_db
def test_a_database_in_a_file_has_no_partitions() -> None:
    assert (create_partitions(), rows_outside_months(), drop_partitions(EVENTS, NOW)) == ([], {}, [])
