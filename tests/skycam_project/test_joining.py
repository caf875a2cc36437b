"""A second machine joins the station: real PostgreSQL and Redis with TLS and passwords, and a real web."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from skycam_project.hosts.join_line import parse_line
from tests.harness.far_ends.recording_proxy import RecordingProxy
from tests.harness.scenarios.shared_servers import SharedServers, shared_servers
from tests.harness.stations.command_line import Ran, run
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

pytestmark = pytest.mark.prove


@pytest.fixture(scope="module")
def servers() -> Iterator[SharedServers]:
    with shared_servers() as servers:
        yield servers


@pytest.fixture(scope="module")
def main(servers: SharedServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    station = Station(tmp_path_factory.mktemp("main") / "data", **servers.variables)
    station.finds_database = False
    try:
        yield station.up()
    finally:
        station.ensure_stopped()


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """The data folder, not yet made, of a machine that may join."""
    return tmp_path / "skycam-data"


def invited(main: Station, servers: SharedServers, name: str, *words: str) -> str:
    """The line of a new invitation."""
    urls = ["--url", f"http://127.0.0.1:{main.port}", "--database-url", servers.database_url]
    done = run(
        main.data, "hosts", "invite", name, *urls, "--redis-url", servers.redis_url, *words, **main_variables(main)
    )
    assert done.status == 0, done
    return done.stdout.splitlines()[-1].removeprefix("skycam join ")


def main_variables(main: Station) -> dict[str, str]:
    return {name: main.environment[name] for name in ("DATABASE_URL", "REDIS_URL", "WEB_PORT")}


def joined(data: Path, line: str, *words: str, **variables: str) -> Ran:
    return run(data, "join", line, *words, **variables)


def checks_of(done: Ran) -> dict[str, Any]:
    return {one["check"]: one for one in json.loads(done.stdout)["checks"]}


def test_a_machine_joins_and_a_plain_up_runs_what_a_camera_host_needs(
    main: Station, servers: SharedServers, machine: Path
) -> None:
    done = joined(machine, invited(main, servers, "roof"))
    assert done.status == 0, done
    dotenv = machine.parent / ".env"
    assert dotenv.stat().st_mode & 0o777 == 0o600
    host = Station(machine)
    host.finds_database = False
    host.environment = {"SKYCAM_DATA": str(machine), "PATH": host.environment["PATH"]}
    try:
        host.start()
        eventually(lambda: servers.query("SELECT 1 FROM cameras_camerahost WHERE name = 'roof'"), host.output)
        eventually(lambda: set(host.parts()) == {"files", "worker", "cameras", "sensors"}, host.output)
    finally:
        host.ensure_stopped()


def test_a_second_machine_with_the_same_line_is_refused_with_an_event_and_an_alert(
    main: Station, servers: SharedServers, machine: Path, tmp_path: Path
) -> None:
    line = invited(main, servers, "dome")
    assert joined(machine, line).status == 0
    (tmp_path / "other").mkdir()
    done = joined(tmp_path / "other" / "skycam-data", line, "--output", "json")
    assert done.status == 1
    assert "Another machine" in checks_of(done)["main machine"]["message"]
    assert not (tmp_path / "other" / ".env").exists()
    assert servers.query("SELECT 1 FROM monitoring_event WHERE kind = 'host.invitation_used_twice'")
    assert servers.query("SELECT 1 FROM monitoring_alert WHERE key = 'host.invitation:dome'")


def test_the_same_machine_may_ask_again_if_the_answer_was_lost(
    main: Station, servers: SharedServers, machine: Path
) -> None:
    line = invited(main, servers, "lost")
    assert joined(machine, line, "--dry-run").status == 0
    assert not (machine.parent / ".env").exists()
    assert not machine.exists()
    assert joined(machine, line).status == 0


def test_a_machine_that_has_joined_does_not_join_again(main: Station, servers: SharedServers, machine: Path) -> None:
    assert joined(machine, invited(main, servers, "once")).status == 0
    done = joined(machine, invited(main, servers, "twice"), "--output", "json")
    assert "has joined a station already" in checks_of(done)["folder"]["message"]


def test_one_failed_check_leaves_nothing_behind(main: Station, servers: SharedServers, machine: Path) -> None:
    line = invited(main, servers, "deaf", "--redis-url", "rediss://:x@127.0.0.1:9/0")
    done = joined(machine, line, "--output", "json")
    found = checks_of(done)
    assert done.status == 1
    assert [name for name, one in found.items() if not one["ok"]] == ["broker"]
    assert not machine.exists()
    assert not (machine.parent / ".env").exists()


LIVES = """
    INSERT INTO cameras_camerahost (name, machine, leased_until, version, site)
    VALUES ('busy', 'x', now() + interval '1 hour', '', '{}')
"""
NEWER = "UPDATE core_stationrecord SET schema = schema + 2"
READ_ONLY = "ALTER ROLE skycam SET default_transaction_read_only ="


@pytest.mark.parametrize(
    ("statement", "undo", "failed"),
    [
        (LIVES, "DELETE FROM cameras_camerahost WHERE name = 'busy'", "name"),
        (NEWER, "UPDATE core_stationrecord SET schema = schema - 2", "version"),
        (f"{READ_ONLY} on", f"{READ_ONLY} off", "database"),
    ],
    ids=["name", "version", "database"],
)
def test_each_check_of_the_database_refuses(
    main: Station, servers: SharedServers, machine: Path, statement: str, undo: str, failed: str
) -> None:
    line = invited(main, servers, "busy")
    joined(machine, line, "--dry-run")  # from now on the line belongs to this machine
    servers.administer(statement)
    try:
        done = joined(machine, line, "--output", "json")
    finally:
        servers.administer(undo)
    assert failed in [name for name, one in checks_of(done).items() if not one["ok"]], done
    assert not (machine.parent / ".env").exists()


def test_a_setting_that_contradicts_the_station_is_named(main: Station, servers: SharedServers, machine: Path) -> None:
    (machine.parent / ".env").write_text("SKYCAM_STATION=another\n")
    done = joined(machine, invited(main, servers, "stubborn"), "--output", "json")
    assert "SKYCAM_STATION" in checks_of(done)["configuration"]["message"]
    assert (machine.parent / ".env").read_text() == "SKYCAM_STATION=another\n"


def test_what_is_in_a_dotenv_already_stays(main: Station, servers: SharedServers, machine: Path) -> None:
    (machine.parent / ".env").write_text("SKYCAM_LOGGING__LEVEL=DEBUG")
    assert joined(machine, invited(main, servers, "loud")).status == 0
    lines = (machine.parent / ".env").read_text().splitlines()
    assert lines[0] == "SKYCAM_LOGGING__LEVEL=DEBUG"
    assert "SKYCAM_ROLE=camera-host" in lines


def test_the_secret_crosses_the_network_neither_way(main: Station, servers: SharedServers, machine: Path) -> None:
    with RecordingProxy(main.port) as proxy:
        line = invited(main, servers, "spied", "--url", f"http://127.0.0.1:{proxy.port}")
        assert joined(machine, line).status == 0
    secret = base64.b64encode(parse_line(line).secret)
    assert b"POST /api/v1/hosts/join/" in proxy.seen
    assert not [word for word in (secret, b"a%20password", b"camera-host", b"DATABASE_URL") if word in proxy.seen]
