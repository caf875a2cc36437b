"""A station of two machines is updated from the version before the numbers of core/versions.py: the main machine
first. Its camera host goes on, with its rows, until it is updated too."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from core.versions import SCHEMA
from tests.harness.postgresql import own_server
from tests.harness.project import PROJECT
from tests.harness.stations.outside_broker import Broker
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, MIGRATIONS_S, Station
from tests.harness.waiting import eventually

pytestmark = [pytest.mark.prove, pytest.mark.timeout(900)]
BEFORE = "6a14c2a8"
"""The last commit of schema 1."""
LEASE_S = 60.0


@pytest.fixture
def old_code(tmp_path: Path) -> Path:
    """A folder with the version before. A process that is started in it imports from it."""
    archive = tmp_path / "before.tar"
    done = subprocess.run(["git", "archive", "-o", str(archive), BEFORE], cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, (
        f"The commit {BEFORE} is missing. Fetch the history: git fetch --unshallow. {done.stderr}"
    )
    folder = tmp_path / "before"
    shutil.unpack_archive(archive, folder)
    return folder


@pytest.fixture
def shared(broker: Broker) -> Iterator[dict[str, str]]:
    with own_server() as address:
        yield {
            "DATABASE_URL": address, "REDIS_URL": f"unix://{broker.socket}", "SKYCAM_STATION": "5ca1ab1e",
            "SKYCAM_ADDRESS_SECRET": "of-the-station-" * 3, **ANY_NUMBER_OF_KILLS,
        }  # fmt: skip


def station_before(data: Path, **variables: str) -> Station:
    """A station of the version before, which knows no files part."""
    station = Station(data, **variables)
    for name in ("FILES_PORT", "SKYCAM_FILES__HOST"):
        del station.environment[name]
    return station


@pytest.fixture
def old_dome(old_code: Path, shared: dict[str, str]) -> Iterator[Station]:
    """A camera host of the version before, whose database that version has prepared."""
    main = station_before(old_code / "main", **shared)
    command = [sys.executable, "-m", "skycam_project.launch.prepare", "1"]
    subprocess.run(command, cwd=old_code, env=main.environment, check=True, stdout=subprocess.DEVNULL)
    dome = station_before(old_code / "data", SKYCAM_HOST="dome", **shared)
    dome.start(only="worker").eventually_says("ready.", takes_s=MIGRATIONS_S)
    yield dome
    dome.ensure_stopped()


@pytest.fixture
def main(old_dome: Station, tmp_path: Path, shared: dict[str, str]) -> Iterator[Station]:
    """The main machine, updated while the camera host of the version before runs."""
    main = Station(tmp_path / "main" / "data", **shared)
    main.data.parent.mkdir()
    yield main.up()
    main.ensure_stopped()


@pytest.fixture
def dome(old_dome: Station, tmp_path: Path, shared: dict[str, str]) -> Iterator[Station]:
    """The camera host, updated."""
    dome = Station(tmp_path / "dome" / "data", SKYCAM_HOST="dome", **shared)
    dome.data.parent.mkdir()
    yield dome
    dome.ensure_stopped()


def schema_of(host: str, address: str) -> int | None:
    with psycopg.connect(address) as connection:
        found = connection.execute("SELECT schema FROM cameras_camerahost WHERE name = %s", [host]).fetchone()
    assert found is not None
    schema: int | None = found[0]
    return schema


def test_a_station_is_updated_machine_by_machine_main_first(
    old_dome: Station, main: Station, dome: Station, shared: dict[str, str]
) -> None:
    added = {"slug": "dome", "name": "Dome", "kind": "simulated", "host": "dome"}
    assert main.api.post("cameras/", added).status == 201
    main.cameras.eventually_ready("dome")
    assert main.cameras.saved_capture("dome")["status"] == "saved"
    assert schema_of("dome", shared["DATABASE_URL"]) is None

    assert old_dome.stop() == 0
    old_dome.start(only="worker").eventually_says("ready.", takes_s=LEASE_S)
    main.cameras.eventually_ready("dome")
    assert main.cameras.saved_capture("dome")["status"] == "saved"

    assert old_dome.stop() == 0
    shutil.move(old_dome.data, dome.data)
    dome.start(only="worker").eventually_says("ready.", takes_s=LEASE_S)
    eventually(lambda: schema_of("dome", shared["DATABASE_URL"]) == SCHEMA, "its row has the new numbers")
    main.cameras.eventually_ready("dome")
    assert main.cameras.saved_capture("dome")["status"] == "saved"
    assert len(main.api.get("captures/")["results"]) == 3
