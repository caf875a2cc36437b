"""The same station on PostgreSQL, and with its server away for a while."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from tests.harness.postgresql import postgresql
from tests.harness.stations.command_line import SKYCAM
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

pytestmark = [pytest.mark.prove, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    with postgresql() as address:
        station = Station(tmp_path_factory.mktemp("pg") / "data", DATABASE_URL=address)
        try:
            station.up()
            eventually(lambda: [one["observed"] for one in cli(station, "status")["cameras"]] == ["ready"], 60)
            yield station
        finally:
            station.ensure_stopped()


def cli(station: Station, *arguments: str) -> Any:
    command = [*SKYCAM, "--output", "json", *arguments]
    done = subprocess.run(command, env=station.environment, capture_output=True, text=True, timeout=60, cwd="/")
    return json.loads(done.stdout)


def the_session(station: Station, session: str) -> dict[str, Any]:
    found: dict[str, Any] = cli(station, "sessions", "show", session)
    return found


def test_a_capture_is_saved_and_its_hash_is_the_files(station: Station) -> None:
    capture = cli(station, "capture", "--exposure", "0.001")
    assert capture["status"] == "saved"
    assert len(capture["sha256"]) == 64


def test_a_session_adds_up_although_the_worker_is_killed(station: Station) -> None:
    session = cli(station, "start", "-e", "0.01", "--cadence", "0.2", "--count", "40")["id"]
    eventually(lambda: the_session(station, session)["saved"] > 5, 40)
    psutil.Process(station.pids()["worker"]).kill()
    eventually(lambda: the_session(station, session)["state"] == "finished", 60)
    found = the_session(station, session)
    assert found["planned"] == found["saved"] + found["failed"] + found["skipped"] == 40
