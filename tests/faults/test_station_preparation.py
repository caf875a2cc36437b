"""A station whose first start prepares its database, as the command line shows it meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from tests.harness.kills.faults import stopped
from tests.harness.postgresql import empty_database
from tests.harness.processes.alive import command_of
from tests.harness.stations.command_line import run
from tests.harness.stations.station import MIGRATIONS_S, Station
from tests.harness.waiting import eventually


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    station = Station(tmp_path / "data")
    station.finds_database = False
    yield station
    station.ensure_stopped()


def test_a_database_without_utf_8_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with empty_database("ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0") as address:
        station = Station(tmp_path / "data", DATABASE_URL=address)
        try:
            assert station.start().status() == 1
        finally:
            station.ensure_stopped()
        assert "The database stores SQL_ASCII, and not UTF-8" in station.output()
        with psycopg.connect(address) as connection:
            assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchall() == [(0,)]


def preparing_process(station: Station) -> psutil.Process | None:
    titles = {" ".join(command_of(process)): process for process in station.processes()}
    return next((process for title, process in titles.items() if title.startswith("skycam prepare")), None)


def findings(body: dict[str, Any], check: str) -> set[tuple[str, str]]:
    return {(found["state"], found["detail"]) for found in body["checks"] if found["check"] == check}


def test_a_first_start_is_preparing_and_nothing_is_broken_or_stopped(station: Station) -> None:
    station.start()
    # Before this, for a moment, no one else can open the file: its journal is set up.
    eventually(lambda: "applying" in station.output(), "migrations are applied")
    process = eventually(lambda: preparing_process(station))
    variables = {name: value for name, value in station.environment.items() if name not in {"PATH", "HOME"}}
    with stopped(process.pid):
        parts = {row["name"]: row["state"] for row in station.parts().values()}
        doctor = json.loads(run(station.data, "--output", "json", "doctor", **variables).stdout)
    assert parts == {"valkey": "running"} | dict.fromkeys(parts.keys() - {"valkey"}, "preparing")
    said = "The station is being prepared: its database is created or updated, and its parts start afterwards."
    assert findings(doctor, "database") == {("warning", said)}
    assert findings(doctor, "launcher") == {("warning", said), ("ok", "valkey is running.")}
    assert findings(doctor, "hosts") == findings(doctor, "health") == set()
    assert not {found["check"] for found in doctor["checks"] if found["state"] == "broken"} - {"libgphoto2"}
    eventually(lambda: station.states() == {"running"}, station.output, takes_s=MIGRATIONS_S)
