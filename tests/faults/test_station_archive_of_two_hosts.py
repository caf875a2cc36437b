"""One experiment over cameras of two hosts with folders of their own: one archive, whose manifest names all files."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.postgresql import postgresql
from tests.harness.stations.outside_broker import Broker
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, Station
from tests.harness.waiting import eventually

pytestmark = pytest.mark.timeout(400)
SCENE = {"scene": "chart", "width": 320, "height": 240}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    broker = Broker(tmp_path_factory.mktemp("broker"))
    with postgresql() as address:
        yield {"DATABASE_URL": address, "REDIS_URL": f"unix://{broker.socket}"}
    broker.kill()


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory, shared: dict[str, str]) -> Iterator[Station]:
    station = Station(tmp_path_factory.mktemp("main") / "data", **shared, **ANY_NUMBER_OF_KILLS)
    try:
        yield station.up()
    finally:
        station.ensure_stopped()


@pytest.fixture(scope="module")
def dome(tmp_path_factory: pytest.TempPathFactory, station: Station, shared: dict[str, str]) -> Iterator[Station]:
    """A camera host on another machine, with a camera."""
    variables = {"SKYCAM_HOST": "dome", "SKYCAM_STATION": station.config.station.id}
    host = Station(tmp_path_factory.mktemp("dome") / "data", **shared, **variables, **ANY_NUMBER_OF_KILLS)
    try:
        host.start(only="worker")
        added = {"slug": "dome", "name": "Dome", "kind": "simulated", "host": "dome", "settings": SCENE}
        assert station.api.post("cameras/", added).status == 201
        station.cameras.eventually_ready("dome", within_s=60)
        yield host
    finally:
        host.ensure_stopped()


def records(station: Station, camera: str) -> bool:
    recorder = station.api.get(f"cameras/{camera}/status/").get("recorder")
    return bool(recorder and recorder["state"] == "recording" and recorder["frames"] > 5)


def archive_of(station: Station, experiment: str) -> dict[str, Any]:
    found = station.api.get("archives/")["results"]
    return dict(next((one for one in found if one["experiment"] == experiment), {}))


def test_one_archive_has_the_files_of_both_hosts(station: Station, dome: Station) -> None:
    station.api.call("PATCH", "cameras/simulated/settings/", SCENE)
    body = {"name": "Both", "cameras": ["simulated", "dome"], "pre_roll_s": 0, "post_roll_s": 0}
    experiment = station.api.post("experiments/", body).body["id"]
    station.api.post(f"experiments/{experiment}/start/")
    eventually(lambda: records(station, "simulated") and records(station, "dome"), 60, "both record")
    station.api.post(f"experiments/{experiment}/complete/")
    eventually(lambda: archive_of(station, experiment).get("state") == "complete", 120, "its archive")
    folders = {one["host"]: Path(one["path"]) for one in archive_of(station, experiment)["folders"]}
    assert sorted(folders) == ["dome", "main"]
    assert folders["dome"].is_relative_to(dome.data)
    manifests = [(folder / "manifest.json").read_bytes() for folder in folders.values()]
    assert manifests[0] == manifests[1]
    assert {file["host"] for file in json.loads(manifests[0])["files"]} == {"dome", "main"}
    for folder in folders.values():
        command = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
        assert subprocess.run(command, cwd=folder, check=False).returncode == 0
