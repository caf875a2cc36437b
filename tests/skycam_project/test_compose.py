"""deploy/compose.yaml and deploy/Dockerfile, as far as they can be checked without containers: Compose accepts the
file, its commands run a whole station of processes, and the image's wheel is that of the clone."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from skycam_project.config.model import VARIABLES
from skycam_project.launch.parts import CAMERA_HOST, PARTS, parts_of
from tests.harness.far_ends.ports import accepts
from tests.harness.postgresql import own_server
from tests.harness.project import PROJECT, build_wheel
from tests.harness.stations.http_client import PASSWORD, HttpClient
from tests.harness.stations.outside_broker import Broker
from tests.harness.stations.station import free_port
from tests.harness.waiting import PATIENCE_S, eventually

DEPLOY = PROJECT / "deploy"
GIVEN = {
    "SKYCAM_STATION": "0123456789ab", "SKYCAM_ADDRESS_SECRET": "a" * 64, "STATION_NAME": "sky.example.org",
    "SKYCAM_ADMIN_PASSWORD": PASSWORD, "GRAFANA_PASSWORD": "grafana",
}  # fmt: skip
ELSEWHERE = {"valkey", "service"}
"""Parts that are no container of Skycam: the broker has its own, and the PixeLink service answers to loopback alone."""
DATA = "/var/lib/skycam/skycam-data"


def compose(*words: str) -> str:
    command = ["docker-compose", "--file", str(DEPLOY / "compose.yaml"), *words]
    return subprocess.run(command, env=os.environ | GIVEN, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services of the file as Compose reads it."""
    found: dict[str, Any] = yaml.safe_load(compose("config"))["services"]
    return found


def ours(services: dict[str, Any]) -> dict[str, Any]:
    return {name: service for name, service in services.items() if service.get("image") == "skycam"}


def test_the_containers_run_all_parts_of_a_station(services: dict[str, Any]) -> None:
    named = {service["command"][-1] for service in ours(services).values() if "--only" in service["command"]}
    assert named <= PARTS.keys()
    assert named | set(CAMERA_HOST) | set(parts_of("worker")) | ELSEWHERE >= PARTS.keys()
    assert {"postgres", "valkey", "web", "jobs", "beat", "cameras", "caddy", "prometheus", "grafana"} <= services.keys()


def test_all_settings_of_the_containers_exist(services: dict[str, Any]) -> None:
    assert {name for service in ours(services).values() for name in service["environment"]} <= set(VARIABLES)


def test_all_files_that_containers_are_given_exist(services: dict[str, Any]) -> None:
    volumes = [volume.split(":") for service in services.values() for volume in service.get("volumes", [])]
    assert [path for path, *_ in volumes if path.startswith("/") and not Path(path).exists()] == []


def wheel_of(folder: Path, source: Path) -> set[str]:
    folder.mkdir()
    with zipfile.ZipFile(build_wheel(folder, source)) as archive:
        return set(archive.namelist())


@pytest.mark.slow
def test_the_wheel_of_the_image_is_that_of_the_clone(tmp_path: Path) -> None:
    source = tmp_path / "source"
    # Each is copied to the place that it has in the clone.
    for words in re.findall(r"^COPY (?!--from)(.+) \S+$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE):
        for path in words.split():
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-r", PROJECT / path, source / path], check=True)
    assert wheel_of(tmp_path / "image", source) == wheel_of(tmp_path / "clone", PROJECT)


class Containers:
    """The containers of Skycam as processes, with the folders and ports of a test."""

    def __init__(self, folder: Path, replaced: dict[str, str], variables: dict[str, str]) -> None:
        self.folder, self.replaced, self.variables = folder, replaced, variables
        self.processes: list[subprocess.Popen[bytes]] = []

    def environment(self, service: dict[str, Any]) -> dict[str, str]:
        volumes = dict(volume.split(":")[1::-1] for volume in service["volumes"])
        data = self.folder / volumes[DATA]
        data.parent.mkdir(parents=True, exist_ok=True)
        own = {"PATH": os.environ["PATH"], "SKYCAM_DATA": str(data)}
        return own | service["environment"] | self.replaced | self.variables

    def start(self, name: str, service: dict[str, Any]) -> subprocess.Popen[bytes]:
        command = [str(Path(sys.executable).with_name("skycam")), *service["command"]]
        with open(self.folder / f"{name}.log", "wb") as log:
            process = subprocess.Popen(command, env=self.environment(service), cwd=self.folder, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def stop(self) -> None:
        [process.terminate() for process in self.processes]
        [process.wait(PATIENCE_S) for process in self.processes]

    def logs(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("*.log")))

    def skycam(self, service: dict[str, Any], *words: str) -> Any:
        """What `docker compose exec SERVICE skycam ...` answers."""
        command = [str(Path(sys.executable).with_name("skycam")), *words, "--output", "json"]
        done = subprocess.run(
            command, env=self.environment(service), cwd=self.folder, capture_output=True, text=True, check=False
        )
        return json.loads(done.stdout)


@pytest.fixture
def containers(tmp_path: Path) -> Iterator[Containers]:
    with ExitStack() as resources:
        database = resources.enter_context(own_server())
        broker = Broker(tmp_path)
        resources.callback(broker.kill)
        ports = {name: str(free_port()) for name in ("WEB_PORT", "SERVICE_PORT", "PROMETHEUS_PORT")}
        found = Containers(tmp_path, {"DATABASE_URL": database, "REDIS_URL": f"unix://{broker.socket}"}, ports)
        resources.callback(found.stop)
        yield found


@pytest.mark.prove
def test_the_commands_of_the_containers_are_a_station_that_saves_captures(
    services: dict[str, Any], containers: Containers
) -> None:
    station = ours(services)
    assert containers.start("prepare", station.pop("prepare")).wait(PATIENCE_S) == 0
    for name, service in station.items():
        containers.start(name, service)
    client = HttpClient(int(containers.variables["WEB_PORT"]))
    eventually(lambda: accepts(client.port), containers.logs)
    eventually(lambda: client.request("GET", "/readyz").status == 200, containers.logs)
    # `simulated` is the first camera of each station.
    capture = containers.skycam(station["cameras"], "capture", "simulated")
    assert (capture["status"], capture["camera"]) == ("saved", "simulated")
    assert [process.poll() for process in containers.processes[1:]] == [None] * len(station), containers.logs()
