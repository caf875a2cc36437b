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
def shared(broker: Broker) -> Iterator[dict[str, str]]:
    with postgresql() as address:
        yield {"DATABASE_URL": address, "REDIS_URL": f"unix://{broker.socket}"}


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
    variables = {"SKYCAM_HOST": "dome", **station.shared_identity}
    host = Station(tmp_path_factory.mktemp("dome") / "data", **shared, **variables, **ANY_NUMBER_OF_KILLS)
    try:
        host.start(only="worker")
        added = {"slug": "dome", "name": "Dome", "kind": "simulated", "host": "dome", "settings": SCENE}
        assert station.api.post("cameras/", added).status == 201
        station.cameras.eventually_ready("dome")
        yield host
    finally:
        host.ensure_stopped()


def records(station: Station, camera: str) -> bool:
    recorder = station.api.get(f"cameras/{camera}/status/").get("recorder")
    return bool(recorder and recorder["state"] == "recording" and recorder["frames"] > 5)


def archive_of(station: Station, experiment: str) -> dict[str, Any]:
    found = station.api.get("archives/")["results"]
    return dict(next((one for one in found if one["experiment"] == experiment), {}))


def run_over_both(station: Station) -> str:
    """The id of an experiment over a camera of each host, once it is completed."""
    station.api.call("PATCH", "cameras/simulated/settings/", SCENE)
    body = {"name": "Both", "cameras": ["simulated", "dome"], "pre_roll_s": 0, "post_roll_s": 0}
    experiment = station.api.post("experiments/", body).body["id"]
    station.api.post(f"experiments/{experiment}/start/")
    eventually(lambda: records(station, "simulated") and records(station, "dome"), "both record")
    station.api.post(f"experiments/{experiment}/complete/")
    return str(experiment)


def completed_folders(station: Station, experiment: str) -> dict[str, Path]:
    """Host -> folder, once the archive is complete. The sums of each are right."""
    eventually(lambda: archive_of(station, experiment).get("state") == "complete", "its archive")
    folders = {one["host"]: Path(one["path"]) for one in archive_of(station, experiment)["folders"]}
    command = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    checked = [subprocess.run(command, cwd=folder, check=False).returncode for folder in folders.values()]
    assert checked == [0, 0]
    return folders


def test_one_archive_has_the_files_of_both_hosts(station: Station, dome: Station) -> None:
    folders = completed_folders(station, run_over_both(station))
    assert sorted(folders) == ["dome", "main"]
    assert folders["dome"].is_relative_to(dome.data)
    manifests = [(folder / "manifest.json").read_bytes() for folder in folders.values()]
    assert manifests[0] == manifests[1]
    assert {file["host"] for file in json.loads(manifests[0])["files"]} == {"dome", "main"}


def test_a_setting_brings_the_files_together_on_one_host(station: Station, dome: Station) -> None:
    answer = station.api.call("PATCH", "settings/", {"archive_config.gather_host": "main"})
    assert answer.status == 200
    folders = completed_folders(station, run_over_both(station))
    theirs, here = (sorted(folders[host].glob("dome/clips/*.mp4")) for host in ("dome", "main"))
    assert [path.name for path in theirs] == [path.name for path in here]
    assert [path.read_bytes() for path in theirs] == [path.read_bytes() for path in here]
    files = json.loads((folders["main"] / "manifest.json").read_text())["files"]
    assert {(file["host"], file["gathered_from"]) for file in files if "gathered_from" in file} == {("main", "dome")}
