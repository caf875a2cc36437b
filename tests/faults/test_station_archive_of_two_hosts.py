"""One experiment over cameras of two hosts with folders of their own: one archive, whose manifest names all files."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.scenarios.station_with_dome import SharedStation, dome_of, record_experiment, shared_station
from tests.harness.stations.outside_broker import Broker
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, broker: Broker) -> Iterator[SharedStation]:
    with shared_station(tmp_path_factory.mktemp("main"), broker) as found:
        yield found


@pytest.fixture(scope="module")
def station(shared: SharedStation) -> Station:
    return shared.main


@pytest.fixture(scope="module")
def dome(tmp_path_factory: pytest.TempPathFactory, shared: SharedStation) -> Iterator[Station]:
    with dome_of(shared, tmp_path_factory.mktemp("dome")) as found:
        yield found


def archive_of(station: Station, experiment: str) -> dict[str, Any]:
    found = station.api.get("archives/")["results"]
    return dict(next((one for one in found if one["experiment"] == experiment), {}))


def completed_folders(station: Station, experiment: str) -> dict[str, Path]:
    """Host -> folder, once the archive is complete. The sums of each are right."""
    eventually(lambda: archive_of(station, experiment).get("state") == "complete", "its archive")
    folders = {one["host"]: Path(one["path"]) for one in archive_of(station, experiment)["folders"]}
    command = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    checked = [subprocess.run(command, cwd=folder, check=False).returncode for folder in folders.values()]
    assert checked == [0, 0]
    return folders


def test_one_archive_has_the_files_of_both_hosts(station: Station, dome: Station) -> None:
    folders = completed_folders(station, record_experiment(station))
    assert sorted(folders) == ["dome", "main"]
    assert folders["dome"].is_relative_to(dome.data)
    manifests = [(folder / "manifest.json").read_bytes() for folder in folders.values()]
    assert manifests[0] == manifests[1]
    assert {file["host"] for file in json.loads(manifests[0])["files"]} == {"dome", "main"}


@pytest.mark.prove
def test_a_setting_brings_the_files_together_on_one_host(station: Station, dome: Station) -> None:
    answer = station.api.call("PATCH", "settings/", {"archive_config.gather_host": "main"})
    assert answer.status == 200
    folders = completed_folders(station, record_experiment(station))
    theirs, here = (sorted(folders[host].glob("dome/clips/*.mp4")) for host in ("dome", "main"))
    assert [path.name for path in theirs] == [path.name for path in here]
    assert [path.read_bytes() for path in theirs] == [path.read_bytes() for path in here]
    files = json.loads((folders["main"] / "manifest.json").read_text())["files"]
    assert {(file["host"], file["gathered_from"]) for file in files if "gathered_from" in file} == {("main", "dome")}
