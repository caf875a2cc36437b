"""One identity, one driver of its cameras; one owner of the station's periodic work. On real PostgreSQL, with real
workers."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.harness.kills.faults import send_to_all
from tests.harness.postgresql import postgresql
from tests.harness.processes.alive import command_of
from tests.harness.stations.command_line import SKYCAM
from tests.harness.stations.outside_broker import Broker
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, Station
from tests.harness.waiting import PATIENCE_S, eventually

LEASE_S = 60.0
"""A lease and the time until someone looks at it again."""


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with postgresql() as address:
        yield address


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory, database: str, broker: Broker) -> Iterator[Station]:
    shared = {"DATABASE_URL": database, "REDIS_URL": f"unix://{broker.socket}"}
    station = Station(tmp_path_factory.mktemp("main") / "data", **shared, **ANY_NUMBER_OF_KILLS)
    try:
        yield station.up()
    finally:
        station.ensure_stopped()


def machine_of(station: Station, data: Path, host: str) -> Station:
    environment = {name: station.environment[name] for name in ("DATABASE_URL", "REDIS_URL")}
    return Station(data, SKYCAM_HOST=host, **environment, **station.shared_identity, **ANY_NUMBER_OF_KILLS)


@pytest.fixture
def dome(station: Station, tmp_path: Path) -> Iterator[Station]:
    """A camera host with a camera that is ready."""
    dome = machine_of(station, tmp_path / "dome", "dome")
    try:
        dome.start(only="worker").eventually_says("ready.")
        station.api.post("cameras/", {"slug": "dome", "name": "Dome", "kind": "simulated", "host": "dome"})
        station.cameras.eventually_ready("dome")
        yield dome
    finally:
        send_to_all(dome, signal.SIGCONT)
        dome.ensure_stopped()


@pytest.fixture
def clone(station: Station, dome: Station, tmp_path: Path) -> Iterator[Station]:
    """A machine that was started from a copy of the other's card."""
    shutil.copytree(dome.data, tmp_path / "clone", ignore=shutil.ignore_patterns("run", "images", "logs"))
    clone = machine_of(station, tmp_path / "clone", "dome")
    yield clone
    clone.ensure_stopped()


def pictures(machine: Station) -> list[Path]:
    return list(machine.data.glob("images/captures/**/*.jpg"))


def camera_processes(machine: Station) -> list[psutil.Process]:
    return [one for one in machine.processes() if "cameras.runtime" in command_of(one)]


@pytest.mark.promise("hosts")
def test_a_copy_of_a_card_never_touches_a_camera(station: Station, dome: Station, clone: Station) -> None:
    assert clone.start(only="worker").status() == 1
    assert "This machine is a copy of the host 'dome' at " in clone.output()
    assert "`skycam hosts new-identity NAME`" in clone.output()
    assert station.cameras.saved_capture("dome")["status"] == "saved"
    assert len(pictures(dome)) == 1
    assert pictures(clone) == []


@pytest.mark.prove
def test_a_copy_with_an_identity_of_its_own_is_another_host(station: Station, dome: Station, clone: Station) -> None:
    shutil.copytree(dome.config.storage_root, clone.config.storage_root, dirs_exist_ok=True)
    command = [*SKYCAM, "hosts", "new-identity", "attic", "--yes"]
    subprocess.run(command, env=clone.environment, cwd="/", check=True, timeout=PATIENCE_S)
    clone.environment["SKYCAM_HOST"] = "attic"
    clone.start(only="worker").eventually_says("ready.")
    station.api.post("cameras/", {"slug": "attic", "name": "Attic", "kind": "simulated", "host": "attic"})
    station.cameras.eventually_ready("attic")
    assert station.cameras.saved_capture("attic")["status"] == "saved"
    assert station.cameras.saved_capture("dome")["status"] == "saved"
    assert [len(pictures(clone)), len(pictures(dome))] == [1, 1]


@pytest.mark.prove
def test_a_host_that_was_frozen_while_a_copy_took_its_name_closes_its_cameras(
    station: Station, dome: Station, clone: Station
) -> None:
    send_to_all(dome, signal.SIGSTOP)
    clone.start(only="worker").eventually_says("ready.", takes_s=LEASE_S)
    station.cameras.eventually_ready("dome")
    send_to_all(dome, signal.SIGCONT)
    eventually(lambda: camera_processes(dome) == [], "its cameras are closed", LEASE_S)
    eventually(lambda: "host.taken:dome" in open_alerts(station), "the alert")
    before = len(pictures(dome))
    assert station.cameras.saved_capture("dome")["status"] == "saved"
    assert [len(pictures(clone)), len(pictures(dome))] == [1, before]


def open_alerts(station: Station) -> set[str]:
    return {alert["key"] for alert in station.api.get("alerts/")["results"]}


def owner(database: str, work: str) -> str:
    """The host whose process does the work now; empty while none does."""
    question = "SELECT holder FROM core_stationlease WHERE name = %s AND until > now()"
    with psycopg.connect(database) as connection:
        found = connection.execute(question, [work]).fetchone()
    return str(found[0]).partition(":")[0] if found else ""


def kill_all(machine: Station) -> None:
    send_to_all(machine, signal.SIGKILL)
    machine.status()


@pytest.mark.prove
def test_a_second_whole_machine_does_the_periodic_work_once_the_first_is_killed(
    station: Station, database: str, tmp_path: Path
) -> None:
    second = machine_of(station, tmp_path / "second", "second")
    try:
        second.up()
        assert [owner(database, work) for work in ("periodic-tasks", "alert-rules")] == ["main", "main"]
        kill_all(station)
        eventually(lambda: owner(database, "periodic-tasks") == "second", "the beat takes over", LEASE_S)
        eventually(lambda: owner(database, "alert-rules") == "second", "the rules are evaluated", LEASE_S)
        station.up()
        assert owner(database, "periodic-tasks") == "second"
        assert second.stop() == 0
        eventually(lambda: owner(database, "periodic-tasks") == "main", "it takes over at once", LEASE_S)
    finally:
        second.ensure_stopped()
