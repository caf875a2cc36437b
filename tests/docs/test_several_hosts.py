"""docs/station/several-hosts.md, word for word: servers with TLS, a main machine and two camera hosts, each of them in
namespaces of its own."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness.documents.pages import blocks
from tests.harness.machines.machine import Machine
from tests.harness.machines.network import Network, network
from tests.harness.machines.servers import INSTALLED_AS_ON_DEBIAN, RESTART, own_places
from tests.harness.runs.folder import run_folder
from tests.harness.stations.http_client import PASSWORD
from tests.harness.stations.station import MIGRATIONS_S
from tests.harness.waiting import eventually

pytestmark = pytest.mark.prove
PAGE = "docs/station/several-hosts.md"
COMMANDS, SETTINGS = blocks(PAGE, "sh"), blocks(PAGE, "ini")
CREDENTIALS = json.dumps({"username": "admin", "password": PASSWORD})
TOKEN = f"curl -sf -H 'Content-Type: application/json' -d '{CREDENTIALS}' http://127.0.0.1:8080/api/v1/auth/token/"


def commands(containing: str) -> str:
    """The one block of the page with this text."""
    (found,) = [block for block in COMMANDS if containing in block]
    return found.replace("SERVER", "servers")


def settings(containing: str) -> str:
    (found,) = [block for block in SETTINGS if containing in block]
    return found.replace("SERVER", "servers")


@pytest.fixture(scope="module")
def machines() -> Iterator[Network]:
    folder = run_folder() / "machines"
    folder.mkdir()
    folder.chmod(0o711)
    with network(folder, "servers", "main", "roof", "dome") as found:
        yield found
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def servers(machines: Network) -> Machine:
    found = machines.machines["servers"]
    own_places(found)
    found.run(INSTALLED_AS_ON_DEBIAN)
    found.run(commands("openssl"))
    postgresql = found.etc / "postgresql" / "15" / "main"
    (postgresql / "conf.d" / "skycam.conf").write_text(settings("listen_addresses"))
    with (postgresql / "pg_hba.conf").open("a") as access, (found.etc / "redis" / "redis.conf").open("a") as redis:
        access.write("hostssl skycam skycam samenet scram-sha-256\n")
        redis.write(settings("requirepass"))
    found.run(RESTART)
    found.run(commands("CREATE ROLE"))
    return found


@pytest.fixture(scope="module")
def main(machines: Network, servers: Machine) -> Machine:
    found = machines.machines["main"]
    (found.etc / "skycam").mkdir()
    shutil.copy(servers.etc / "skycam" / "ca.pem", found.etc / "skycam")
    (found.home / ".env").write_text(settings("DATABASE_URL"))
    found.environment["SKYCAM_ADMIN_PASSWORD"] = PASSWORD
    found.start("skycam up")
    eventually(lambda: "Skycam is at" in found.said(), found.said, takes_s=5 * MIGRATIONS_S)
    return found


@pytest.fixture(scope="module")
def roof(machines: Network, main: Machine) -> Machine:
    return joined(machines, "roof", camera="west")


@pytest.fixture(scope="module")
def dome(machines: Network, main: Machine) -> Machine:
    return joined(machines, "dome", camera="east")


def joined(machines: Network, name: str, camera: str) -> Machine:
    main, host = machines.machines["main"], machines.machines[name]
    line = main.run(commands("hosts invite roof\n").replace("roof", name)).splitlines()[-1]
    assert line.startswith(commands("skycam join").removesuffix("...\n"))
    host.run(line)
    host.start(commands("skycam up"))
    eventually(lambda: state_of_host(main, name) == "running", host.said)
    add, capture = added_with(name, camera)
    main.run(add)
    eventually(lambda: observed(main, camera) == "ready", host.said)
    main.run(capture)
    return host


def added_with(host: str, camera: str) -> tuple[str, str]:
    words = commands("skycam cameras add").replace("NAME", camera).replace("KIND", "simulated").replace("roof", host)
    _, add, capture = words.splitlines()
    return add, capture


def answered(machine: Machine, words: str) -> Any:
    return json.loads(machine.run(f"skycam --output json {words} 2>/dev/null"))


def state_of_host(main: Machine, name: str) -> str:
    hosts = {one["name"]: one["state"] for one in answered(main, "hosts list")["results"]}
    return str(hosts.get(name, ""))


def observed(main: Machine, camera: str) -> str:
    states = {one["camera"]: one["observed"] for one in answered(main, "status")["cameras"]}
    return str(states.get(camera, ""))


def asked(main: Machine, path: str) -> bytes:
    """What the web of the main machine answers a user."""
    token = json.loads(main.run(TOKEN))["token"]
    main.run(f"curl -sf -m 60 -H 'Authorization: Token {token}' -o answer 'http://127.0.0.1:8080{path}'")
    return (main.home / "answer").read_bytes()


def test_the_gallery_has_the_pictures_of_both_hosts(main: Machine, roof: Machine, dome: Machine) -> None:
    captures = {one["camera"]: one for one in json.loads(asked(main, "/api/v1/captures/"))["results"]}
    for camera, host in (("west", roof), ("east", dome)):
        (file,) = host.home.glob(f"skycam-data/images/captures/{camera}/**/*.jpg")
        assert asked(main, captures[camera]["files"][0]["url"]) == file.read_bytes()


def test_one_zip_has_the_clips_of_both_hosts(main: Machine, roof: Machine, dome: Machine) -> None:
    create, complete, archive = commands("experiments create").splitlines()
    main.run(create.replace("NAME", "west").replace("OTHER", "east"))
    eventually(lambda: {one["recording"] for one in recording(main)} == {True}, "both record")
    [experiment] = [one["id"] for one in answered(main, "experiments list")["results"]]
    main.run(complete.replace("EXPERIMENT", experiment))
    main.run(archive.replace("EXPERIMENT", experiment), takes_s=60.0)
    [found] = json.loads(asked(main, "/api/v1/archives/"))["results"]
    with zipfile.ZipFile(io.BytesIO(asked(main, f"/api/v1/archives/{found['id']}/zip/"))) as whole:
        assert whole.testzip() is None
        assert {name.split("/")[-3] for name in whole.namelist() if name.endswith(".mp4")} == {"west", "east"}


def recording(main: Machine) -> list[dict[str, Any]]:
    cameras = answered(main, "status")["cameras"]
    return [{"recording": bool(one["recording"])} for one in cameras if one["camera"] in {"west", "east"}]


def test_a_host_that_lost_its_power_comes_back(machines: Network, main: Machine, roof: Machine, dome: Machine) -> None:
    roof.power_off()
    eventually(lambda: observed(main, "west") == "host_down", "its camera is host down")
    main.run("skycam capture east")
    machines.power_on("roof").start(commands("skycam up"))
    eventually(lambda: observed(main, "west") == "ready", roof.said, takes_s=60.0)
    main.run("skycam capture west")
