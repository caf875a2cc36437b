"""A whole station: started, disturbed and stopped."""

from __future__ import annotations

import json
import os
import re
import signal
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import redis

from skycam_project.launch import LaunchError, ps, restart
from skycam_project.launch.parts import parts_of
from tests.harness.runs.tiers import further
from tests.harness.stations.command_line import run
from tests.harness.stations.station import NOTICES_HANGS, SILENCE_S, WITH_SERVICE, Station
from tests.harness.waiting import eventually

INTO_A_PIPE = ("bash", "-c", 'exec "$@" > >(cat)', "-")


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    station = Station(tmp_path_factory.mktemp("station") / "data", **NOTICES_HANGS, **WITH_SERVICE)
    station.finds_database = False
    del station.environment["SKYCAM_ADMIN_PASSWORD"]  # the station makes one
    try:
        yield station.up(wrapped_in=INTO_A_PIPE)
    finally:
        station.ensure_stopped()


@pytest.fixture
def broker(station: Station) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(station.config.redis_url) as client:
        yield client


def test_only_the_banner_shows_the_first_password_and_only_once(station: Station) -> None:
    banners = re.findall(r"Skycam is at (\S+)  \(sign in as admin / (\S+)\)", station.output())
    assert [address for address, _ in banners] == [f"http://127.0.0.1:{station.port}"]
    assert banners[0][1] not in (station.data / "logs" / "skycam.log").read_text()
    assert "skycam cameras add NAME --kind gphoto2" in station.output()


def test_the_station_answers_at_the_address_of_the_banner(station: Station) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{station.port}/healthz") as answer:
        assert answer.status == 200


def test_ps_shows_the_memory_of_each_part(station: Station) -> None:
    station.running_pids()
    rows = ps(station.config)
    assert [row["name"] for row in rows] == [
        "valkey", "web", "service", "worker", "cameras", "sensors", "jobs", "beat",
    ]  # fmt: skip
    assert all(row["rss_bytes"] >= row["pss_bytes"] > 1_000_000 for row in rows)


def test_doctor_knows_the_ports_of_a_running_station(station: Station) -> None:
    found = json.loads(run(station.data, "--output", "json", "doctor", **station.environment).stdout)
    ports = [check["detail"] for check in found["checks"] if check["check"] == "ports"]
    assert f"Port {station.port} (web.port) is used by this station." in ports
    assert f"Port {station.service_port} (service.port) is used by this station." in ports


def test_the_bundle_of_a_running_station_lacks_nothing_but_a_rotated_log(
    station: Station, broker: redis.Redis, tmp_path: Path
) -> None:
    path = tmp_path / "bundle.zip"
    eventually(lambda: broker.exists(f"{station.config.station.id}:host:main"), "the state of the host")
    found = run(station.data, "--output", "json", "support-bundle", str(path), **station.environment)
    assert json.loads(found.stdout)["missing"] == {"logs/skycam.log.1": "There is no such file."}
    with zipfile.ZipFile(path) as archive:
        status = json.loads(archive.read("skycam-support/status.json"))
        texts = "".join(archive.read(name).decode() for name in archive.namelist())
    assert set(status["hosts"][0]) == {
        "host",
        "at",
        "version",
        "clock",
        "ahead_s",
        "schema",
        "protocol",
        "time_zone",
    }
    keys = [station.config.web.secret_key, station.config.address_secret, station.config.redis_url]
    assert [key for key in keys if key in texts] == []


def test_a_running_station_samples_its_parts(station: Station, broker: redis.Redis) -> None:
    name = f"{station.config.station.id}:usage:main"
    eventually(lambda: broker.llen(name) >= 2, "two samples")
    usage = json.loads(broker.lindex(name, 0))["usage"]
    assert {"valkey", "web", "service", "worker", "jobs", "beat"} <= set(usage)
    assert usage["web"]["memory_bytes"] > 10_000_000
    assert usage["web"]["cpu_percent"] is not None


def test_no_process_of_a_station_writes_a_core_dump(station: Station) -> None:
    assert station.running_pids()
    assert station.cameras.pid()
    assert {core_limit(process) for process in station.processes()} - {None} == {("0", "0")}


def core_limit(process: psutil.Process) -> tuple[str, ...] | None:
    """The soft one and the hard one; None for a process that has ended, and for `cat`, which is the test's."""
    with suppress(psutil.Error, OSError):
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        found = re.search(r"Max core file size +(\d+|unlimited) +(\d+|unlimited)", limits)
        return found.groups() if found and process.name() != "cat" else None
    return None


@pytest.mark.parametrize("part", ["valkey", "web", "worker", "cameras", *further("service", "sensors", "jobs", "beat")])
def test_a_killed_part_is_restarted_and_the_others_keep_running(station: Station, part: str) -> None:
    before = station.running_pids()
    os.kill(before[part], signal.SIGKILL)
    station.back_with(part, f"{part} killed by SIGKILL")
    after = station.running_pids()
    assert {name for name in before if before[name] != after[name]} == {part, *parts_of(part)}


def test_a_part_is_refused_beside_the_whole_station_on_the_same_folder(station: Station, tmp_path: Path) -> None:
    part = Station(station.data)
    part.output_file = tmp_path / "part.out"
    assert part.start(only="valkey").status() == 1
    assert f"Another station uses {station.data} (process {station.process.pid})." in part.output()


def test_hung_parts_are_killed_and_restarted(station: Station) -> None:
    [station.part(part).suspend() for part in ("web", "service")]
    rows = [station.back_with(part, f"{part} silent for {SILENCE_S:g} s") for part in ("web", "service")]
    assert all(row["restarts"] >= 1 for row in rows)


def test_a_part_is_restarted_on_request(station: Station) -> None:
    before = station.pid_of_running("jobs")
    row = restart(station.config, "jobs")
    assert row["state"] == "running"
    assert row["reason"] == "restarted on request"
    assert row["pid"] != before


def test_an_unknown_part_is_not_restarted(station: Station) -> None:
    with pytest.raises(LaunchError, match=r"no part kitchen here\. There are: valkey, web"):
        restart(station.config, "kitchen")


def test_each_restart_becomes_one_event(station: Station) -> None:
    restart(station.config, "beat")
    events = "monitoring_event WHERE kind = 'part.restarted' AND subject = 'beat'"
    eventually(lambda: station.database.count(events) == station.parts()["beat"]["restarts"], "an event for each")


def test_a_killed_launcher_leaves_no_process_and_the_next_one_starts_and_stops_cleanly(station: Station) -> None:
    processes = station.processes()
    processes[0].kill()
    station.status()
    eventually(lambda: not any(process.is_running() for process in processes), "no process is left")
    processes = station.up().processes()
    assert station.stop() == 0
    assert not any(process.is_running() for process in processes)
    assert "sign in as admin; a new password: skycam users set admin --password" in station.output()


def test_without_a_station_ps_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match=r"No station runs on .* Start it with `skycam up`"):
        ps(Station(tmp_path / "data").config)
