"""What is read again and again is read only after a change, on a real PostgreSQL and a real broker."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

import psycopg
import pytest
import redis

from core.changes import ChangeGate, note_statement, read_again
from tests.harness.postgresql import postgresql
from tests.harness.project import PROJECT
from tests.harness.stations.outside_broker import Broker
from tests.harness.waiting import eventually

PROCESS = """
import json, sys, django
django.setup()
from django.db import transaction
from core import changes
from core.changes import ChangeGate, read_again, without_notice, without_watching
from core.stations.models import StationLease, StationRecord
changes.SETTLE_S, changes.LISTEN_S = 0.0, 0.3
gate = ChangeGate(float(sys.argv[1]))

def names():
    return sorted(StationLease.objects.values_list("name", flat=True))

def names_while_it_matters():
    read_again(lambda: True)
    return names()

def watched_tables():
    def read():
        with without_watching():
            list(StationRecord.objects.all())
        return names()

    watching = ChangeGate()
    watching.call_now(read)
    return sorted(watching._tables)

def add(name):
    with transaction.atomic():
        StationLease.objects.create(name=name)

def add_quietly(name):
    with without_notice():
        StationLease.objects.create(name=name)

orders = {
    "read": lambda: gate.call(names), "read while it matters": lambda: gate.call(names_while_it_matters),
    "add": lambda: add("a"), "add quietly": lambda: add_quietly("b"), "is due": gate.is_due,
    "watched tables": watched_tables,
}
for line in sys.stdin:
    print(json.dumps(orders[line.strip()]()), flush=True)
"""


class Part:
    """A process of the station."""

    def __init__(self, data: Path, database: str, broker: Broker, fallback_s: float = 600.0) -> None:
        environment = {
            "DATABASE_URL": database, "REDIS_URL": f"unix://{broker.socket}", "SKYCAM_DATA": str(data),
            "SKYCAM_STATION": "lab", "SKYCAM_ADDRESS_SECRET": "of-the-station-" * 3,
            "DJANGO_SETTINGS_MODULE": "skycam_project.settings",
        }  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(fallback_s)], env=environment, cwd=PROJECT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def asked(self, order: str) -> Any:
        sent, received = cast(IO[str], self.process.stdin), cast(IO[str], self.process.stdout)
        sent.write(f"{order}\n")
        sent.flush()
        return json.loads(received.readline())

    def eventually_rests(self) -> None:
        """It has read all, and hears the notices."""
        eventually(lambda: self.asked("read") is None, "nothing is read")

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()  # closes the pipes


@pytest.fixture
def database() -> Iterator[str]:
    with postgresql() as address:
        yield address


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    (tmp_path / "broker").mkdir()
    found = Broker(tmp_path / "broker")
    yield found
    found.kill()


@pytest.fixture
def reader(tmp_path: Path, database: str, broker: Broker) -> Iterator[Part]:
    part = Part(tmp_path, database, broker)
    yield part
    part.end()


@pytest.fixture
def writer(tmp_path: Path, database: str, broker: Broker) -> Iterator[Part]:
    part = Part(tmp_path, database, broker)
    yield part
    part.end()


def test_a_table_is_read_again_once_another_process_has_written_it(reader: Part, writer: Part) -> None:
    reader.eventually_rests()
    writer.asked("add")
    assert eventually(lambda: reader.asked("read"), "it is read") == ["a"]


def test_what_is_written_again_and_again_wakes_no_reader(reader: Part, writer: Part) -> None:
    reader.eventually_rests()
    writer.asked("add quietly")
    writer.asked("add")
    assert eventually(lambda: reader.asked("read"), "the later change is heard") == ["a", "b"]
    reader.eventually_rests()


def test_what_is_read_without_watching_wakes_no_reader(reader: Part) -> None:
    assert reader.asked("watched tables") == ["core_stationlease", "monitoring_stationsetting"]


def test_what_depends_on_the_time_is_read_each_time(reader: Part) -> None:
    reader.eventually_rests()
    reader.asked("add")
    eventually(lambda: reader.asked("read while it matters"), "the change is heard")
    assert reader.asked("read while it matters") == ["a"]
    assert reader.asked("read while it matters") == ["a"]


def test_all_is_read_while_the_broker_is_away_and_once_it_is_back(reader: Part, writer: Part, broker: Broker) -> None:
    reader.eventually_rests()
    with broker.gone():
        writer.asked("add")
        assert eventually(lambda: reader.asked("read"), "it is read without a notice") == ["a"]
    reader.eventually_rests()


def test_a_notice_that_the_broker_refused_is_sent_again(reader: Part, writer: Part, broker: Broker) -> None:
    reader.eventually_rests()
    with redis.Redis(unix_socket_path=str(broker.socket)) as client:
        client.execute_command("ACL", "SETUSER", "default", "-publish")
        writer.asked("add")
        eventually(lambda: "cmdstat_publish" in client.info("commandstats"), "it was refused")
        assert reader.asked("read") is None
        client.execute_command("ACL", "SETUSER", "default", "+publish")
    assert eventually(lambda: reader.asked("read"), "it is heard") == ["a"]


def test_all_is_read_once_a_connection_to_the_broker_carries_nothing(reader: Part, broker: Broker) -> None:
    reader.eventually_rests()
    broker.process.send_signal(signal.SIGSTOP)
    try:
        eventually(lambda: reader.asked("read") is not None, "it is read without a notice")
    finally:
        broker.process.send_signal(signal.SIGCONT)
    reader.eventually_rests()


def test_a_lost_notice_costs_no_more_than_the_fallback(
    tmp_path: Path, database: str, broker: Broker, writer: Part
) -> None:
    reader = Part(tmp_path, database, broker, fallback_s=2.0)
    try:
        reader.eventually_rests()
        writer.asked("add quietly")
        assert eventually(lambda: reader.asked("read"), "the fallback has come") is not None
    finally:
        reader.end()


@pytest.mark.parametrize(
    ("statement", "tables"),
    [
        ('INSERT INTO "core_job" ("id") SELECT 1 FROM "captures_clip"', {"core_job"}),
        ('UPDATE "core_job" SET "state" = 1', {"core_job"}),
        ('DELETE FROM "core_job" WHERE id IN (SELECT id FROM "captures_clip")', {"core_job"}),
        ('SELECT 1 FROM "core_job" FOR UPDATE', set()),
        ('UPDATE "public"."core_job" SET "state" = 1', {"core_job"}),
        ("\n  DELETE FROM ONLY public.core_job", {"core_job"}),
        ('INSERT INTO  "core_job" ("id") VALUES (1)', {"core_job"}),
        ('MERGE INTO "core_job" USING "captures_clip" ON true WHEN MATCHED THEN DO NOTHING', {"core_job"}),
        ('COPY "public"."core_job" ("id") FROM STDIN', {"core_job"}),
        (
            'WITH moved AS (DELETE FROM "core_job" RETURNING *) INSERT INTO "core_old" SELECT 1',
            {"core_job", "core_old"},
        ),
        ('TRUNCATE "core_job"', {"core_job"}),
        ('TRUNCATE TABLE ONLY "core_job", public."captures_clip" RESTART IDENTITY', {"core_job", "captures_clip"}),
    ],
)
def test_the_written_tables_of_a_statement_are_known(statement: str, tables: set[str]) -> None:
    assert note_statement(statement) == tables


def test_the_database_writes_no_table_that_no_statement_names(database: str) -> None:
    with psycopg.connect(database) as connection:
        cascades = connection.execute("SELECT conname FROM pg_constraint WHERE contype = 'f' AND confdeltype <> 'a'")
        triggers = connection.execute("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")
        rules = connection.execute("SELECT rulename FROM pg_rules WHERE schemaname = 'public'")
        assert [*cascades, *triggers, *rules] == []


@pytest.mark.django_db
def test_a_database_in_a_file_is_read_each_time() -> None:
    gate, read = ChangeGate(), list[int]()
    for _ in range(3):
        gate.call(lambda: read.append(1))
    assert len(read) == 3
    read_again()
