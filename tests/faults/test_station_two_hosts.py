"""A camera host on another machine: a worker with its own data folder, connected by PostgreSQL and Redis."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from skycam_project.launch import restart
from tests.harness.disks.small_disk import SmallDisk
from tests.harness.scenarios.station_with_dome import SharedStation, shared_station
from tests.harness.scenarios.two_hosts import SharedDatabase
from tests.harness.stations.outside_broker import Broker
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

ROOM = "600m"
"""More than the reserve of a disk."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, broker: Broker) -> Iterator[SharedStation]:
    with shared_station(tmp_path_factory.mktemp("main"), broker) as found:
        yield found


@pytest.fixture(scope="module")
def station(shared: SharedStation) -> Station:
    return shared.main


@pytest.fixture
def fresh(tmp_path: Path, shared: SharedStation) -> Iterator[Station]:
    """A host that the station has never seen."""
    database = SharedDatabase(shared.variables["DATABASE_URL"])
    found = Station(tmp_path / "data", database, **shared.variables)
    yield found
    found.ensure_stopped()


@pytest.mark.promise("hosts")
def test_a_worker_alone_prepares_its_host_and_takes_pictures(station: Station, fresh: Station) -> None:
    fresh.start(only="worker")
    added = {"slug": "dome", "name": "Dome", "kind": "simulated", "host": "dome"}
    assert station.api.post("cameras/", added).status == 201
    station.cameras.eventually_ready("dome")
    assert station.cameras.saved_capture("dome")["status"] == "saved"
    assert list(fresh.data.glob("images/captures/dome/**/*.jpg"))
    assert not [line for line in fresh.output().splitlines() if "storage root" in line or "ERROR" in line]
    assert fresh.stop() == 0


def test_a_worker_alone_brings_what_its_host_needs(fresh: Station) -> None:
    fresh.environment["SKYCAM_HOST"] = "attic"
    fresh.start(only="worker").eventually_says("ready.")
    assert list(fresh.running_pids()) == ["files", "worker", "cameras", "sensors"]
    assert restart(fresh.config, "sensors")["state"] == "running"


@pytest.mark.parametrize("part", ["worker", ""])
def test_every_part_of_another_station_learns_the_missing_id(part: str, station: Station, fresh: Station) -> None:
    del fresh.environment["SKYCAM_STATION"]
    fresh.environment["SKYCAM_HOST"] = "yard"
    assert fresh.start(only=part).status() == 1
    assert f"The database belongs to the station {station.config.station.id}" in fresh.output()
    assert "Set SKYCAM_STATION to that id" in fresh.output()


def test_a_worker_without_the_stations_secret_is_refused(station: Station, fresh: Station) -> None:
    del fresh.environment["SKYCAM_ADDRESS_SECRET"]
    fresh.environment["SKYCAM_HOST"] = "yard"
    assert fresh.start(only="worker").status() == 1
    assert "SKYCAM_ADDRESS_SECRET is missing" in fresh.output()


@pytest.mark.prove
def test_a_worker_under_the_name_of_another_machine_is_refused(station: Station, fresh: Station) -> None:
    fresh.environment["SKYCAM_HOST"] = "main"
    assert fresh.start(only="worker").status() == 1
    assert "Another machine uses the host name 'main' at " in fresh.output()
    assert fresh.output().endswith("Give this one another name: SKYCAM_HOST.\n")
    assert station.parts()["worker"]["state"] == "running"


def account(station: Station, session: str) -> dict[str, Any]:
    found: dict[str, Any] = station.api.get(f"sessions/{session}/")
    return found


def alerts(station: Station) -> list[str]:
    return [alert["key"] for alert in station.api.get("alerts/")["results"]]


@pytest.fixture
def small(tmp_path: Path, fresh: Station) -> Iterator[SmallDisk]:
    """The disk of that host's pictures, with room for the reserve."""
    disk = SmallDisk(tmp_path, ROOM)
    fresh.environment |= {"SKYCAM_STORAGE_ROOT": str(disk.path), "SKYCAM_HOST": "roof"}
    yield disk
    fresh.ensure_stopped()
    disk.close()


@pytest.mark.prove
def test_the_full_disk_of_one_host_stops_no_camera_of_another(
    station: Station, fresh: Station, small: SmallDisk
) -> None:
    fresh.start(only="worker")
    station.api.post("cameras/", {"slug": "roof", "name": "Roof", "kind": "simulated", "host": "roof"})
    station.cameras.eventually_ready("roof")
    small.shrink()
    sessions = [station.cameras.start_session(slug, cadence_s=0.5) for slug in ("roof", "simulated")]
    full, other = (partial(account, station, session) for session in sessions)
    eventually(lambda: "health.disk:roof" in alerts(station), "an alert names the host")
    before = other()["saved"]
    eventually(lambda: other()["saved"] > before + 2, "the other host goes on")
    assert (full()["saved"], other()["failed"]) == (0, 0)
    assert "health.disk:main" not in alerts(station)
    small.grow(ROOM)
    eventually(lambda: full()["saved"] > 2 and full()["skipped"] > 2, "it goes on when there is room")
    for slug in ("roof", "simulated"):
        station.api.post(f"cameras/{slug}/stop/")
    fresh.spools.eventually_settled()
    station.cameras.assert_lost_nothing(sessions[0])
