"""Exactly one process does the station's work, whichever machine dies, on a PostgreSQL that several machines share."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import IO, cast

import psycopg
import pytest

from tests.harness.postgresql import postgresql
from tests.harness.project import PROJECT

PROCESS = """
import json, sys, django
django.setup()
from core.stations.lease import StationWork
clock = 0.0
work = StationWork("tests", lambda: clock)
for line in sys.stdin:
    order, clock = json.loads(line)
    print(json.dumps(getattr(work, order)()), flush=True)
"""


class Machine:
    """A process of another machine of the station; its clock stands still unless a test sets it."""

    def __init__(self, database: str, data: str) -> None:
        environment = {
            "DATABASE_URL": database,
            "SKYCAM_DATA": data,
            "DJANGO_SETTINGS_MODULE": "skycam_project.settings",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROCESS], env=environment, cwd=PROJECT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def owns(self, at_s: float) -> bool:
        return bool(self.answer("is_ours", at_s))

    def answer(self, order: str, at_s: float) -> object:
        print(json.dumps([order, at_s]), file=cast(IO[str], self.process.stdin), flush=True)
        return json.loads(cast(IO[str], self.process.stdout).readline())

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def database() -> Iterator[str]:
    with postgresql() as address:
        yield address


@pytest.fixture
def machines(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Machine, Machine]]:
    first, second = (Machine(database, str(tmp_path_factory.mktemp("data"))) for _ in range(2))
    yield first, second
    first.kill()
    second.kill()


def end_lease(database: str) -> None:
    """As if half a minute had passed for the database."""
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE core_stationlease SET until = now()")


def test_of_two_machines_one_does_the_work_and_the_other_after_a_clean_stop(
    machines: tuple[Machine, Machine],
) -> None:
    first, second = machines
    assert [first.owns(0.0), second.owns(0.0)] == [True, False]
    first.answer("release", 0.0)
    assert second.owns(10.0)
    assert not first.owns(10.0)


def test_a_killed_owner_is_replaced_once_its_lease_has_ended(machines: tuple[Machine, Machine], database: str) -> None:
    first, second = machines
    assert first.owns(0.0)
    first.kill()
    assert not second.owns(0.0)
    end_lease(database)
    assert second.owns(10.0)


def test_an_owner_that_was_frozen_finds_that_another_does_the_work(
    machines: tuple[Machine, Machine], database: str
) -> None:
    first, second = machines
    assert first.owns(0.0)
    end_lease(database)
    assert second.owns(0.0)
    assert not first.owns(60.0)


def test_a_clock_that_is_far_ahead_takes_nothing(machines: tuple[Machine, Machine]) -> None:
    first, second = machines
    assert first.owns(0.0)
    assert not second.owns(86_400.0)


def test_an_owner_without_its_database_stops_when_its_lease_would_have_ended(
    machines: tuple[Machine, Machine], database: str
) -> None:
    first, _ = machines
    assert first.owns(0.0)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ALTER TABLE core_stationlease RENAME TO away")
        assert [first.owns(at_s) for at_s in (10.0, 20.0, 29.0, 31.0)] == [True, True, True, False]
