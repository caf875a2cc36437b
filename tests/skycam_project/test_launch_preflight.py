"""Conditions under which a station refuses to start, and others under which it starts."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import redis

from skycam_project.launch.part import Timings
from skycam_project.launch.preflight import LaunchError, bind_port
from tests.harness.stations.broker import answers
from tests.harness.stations.migrated_database import place_database
from tests.harness.stations.station import Station
from tests.harness.waiting import PATIENCE_S, eventually

NewStation = Callable[..., Station]
READ_ONLY = (
    "unshare",
    "--mount",
    "--map-root-user",
    "sh",
    "-c",
    'mount -t tmpfs -o ro none "$SKYCAM_DATA"; exec "$@"',
    "-",
)
TINY_DISK = (
    "unshare",
    "--mount",
    "--map-root-user",
    "sh",
    "-c",
    'mount -t tmpfs -o size=1m none "$SKYCAM_DATA"; exec "$@"',
    "-",
)


FEW_FILES = ("sh", "-c", 'ulimit -n 96; exec "$@"', "-")


@pytest.fixture
def new_station(tmp_path: Path) -> Iterator[NewStation]:
    made: list[Station] = []

    def new(name: str = "data", **variables: str) -> Station:
        made.append(Station(tmp_path / name, **variables))
        return made[-1]

    yield new
    for station in made:
        station.ensure_stopped()


def running_valkey(station: Station) -> redis.Redis:
    station.start(only="valkey")
    client = redis.Redis.from_url(station.config.redis_url)
    eventually(lambda: answers(client), station.output)
    return client


def test_a_port_in_use_is_an_error_with_its_process_and_the_setting(new_station: NewStation) -> None:
    station = new_station()
    with socket.create_server(("127.0.0.1", station.port)):
        assert station.start().status() == 1
    assert station.output().startswith(f"skycam: Port {station.port} on 127.0.0.1 is in use by process {os.getpid()} (")
    assert station.output().endswith("or set WEB_PORT to a free port.\n")


def test_a_process_that_ends_before_it_is_named_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, subprocess.Popen(["true"]) as ended:
        port = server.getsockname()[1]
        ended.wait(PATIENCE_S)
        listed = SimpleNamespace(laddr=SimpleNamespace(port=port), status=psutil.CONN_LISTEN, pid=ended.pid)
        monkeypatch.setattr(psutil, "net_connections", lambda kind: [listed])
        with pytest.raises(LaunchError, match=rf"^Port {port} on 127\.0\.0\.1 is in use\. Stop that process"):
            bind_port("127.0.0.1", port, "WEB_PORT")


def test_a_second_station_on_a_folder_is_refused_and_the_first_process_named(new_station: NewStation) -> None:
    first, second = new_station(), new_station()
    running_valkey(first)
    assert second.start(only="valkey").status() == 1
    assert f"Another station uses {first.data} (process {first.process.pid})." in second.output()


def test_a_whole_station_is_refused_beside_one_of_its_parts_on_the_same_folder(new_station: NewStation) -> None:
    part, whole = new_station(), new_station()
    running_valkey(part)
    assert whole.start().status() == 1
    assert f"Another station uses {part.data} (process {part.process.pid})." in whole.output()


def test_a_file_in_place_of_the_folder_is_refused(new_station: NewStation) -> None:
    station = new_station()
    station.finds_database = False
    station.data.write_text("")
    assert station.start().status() == 1
    assert station.output().count("\n") == 1
    assert "set SKYCAM_DATA to a folder" in station.output()


@pytest.mark.parametrize(("disk", "sentence"), [(READ_ONLY, "SKYCAM_DATA"), (TINY_DISK, "is full: 1 MB are free")])
def test_a_full_or_read_only_disk_is_refused(new_station: NewStation, disk: tuple[str, ...], sentence: str) -> None:
    station = new_station()
    station.data.mkdir()
    assert station.start(wrapped_in=disk).status() == 1
    assert station.output().count("\n") == 1
    assert sentence in station.output()


def test_a_bad_configuration_is_refused_with_one_line_for_each_problem(new_station: NewStation) -> None:
    station = new_station(WEB_PORT="many", PROMETHEUS_PORT="none")
    assert station.start().status() == 1
    assert [line.split()[:3] for line in station.output().splitlines()] == [
        ["skycam:", "environment:", "PROMETHEUS_PORT:"],
        ["skycam:", "environment:", "WEB_PORT:"],
    ]


def test_an_unknown_part_is_refused(new_station: NewStation) -> None:
    station = new_station().start(only="kitchen")
    assert station.status() == 1
    parts = "valkey, web, service, files, worker, cameras, sensors, jobs, beat"
    assert station.output() == f"skycam: There is no part kitchen. There are: {parts}.\n"


def test_a_crash_loop_ends_the_station_with_the_last_lines_of_the_part(new_station: NewStation) -> None:
    station = new_station(SKYCAM_SUPERVISION__CRASH_LOOP_EXITS="3")
    (station.data / "run" / "valkey.sock").mkdir(parents=True)
    assert station.start().status() == 1
    assert "last lines of valkey:" in station.output()
    assert station.output().endswith("as it did 3 times within 10 s of its start. Everything is stopped.\n")


def test_a_folder_whose_path_is_too_long_for_a_socket_works(new_station: NewStation) -> None:
    station = new_station("long" * 40)
    assert running_valkey(station).set("key", "value")
    eventually(lambda: station.states() == {"running"})
    assert not station.config.redis_url.startswith(f"unix://{station.data}")


def test_a_part_logs_from_the_configured_level_on(new_station: NewStation) -> None:
    station = new_station(SKYCAM_LOGGING__LEVEL="DEBUG")
    place_database(station.data)
    station.start(only="jobs").eventually_says("DEBUG celery.bootsteps")


def test_a_part_without_a_database_is_refused_with_what_to_do(new_station: NewStation) -> None:
    station = new_station().start(only="worker")
    assert station.status() == 1
    assert station.output().endswith(
        f"skycam: There is no database in {station.data} yet. Set DATABASE_URL to the station's PostgreSQL, or start "
        "the whole station here once: skycam up.\n"
    )
    assert not (station.data / "skycam.sqlite3").exists()


def test_a_part_whose_broker_does_not_answer_says_how_to_start_one(new_station: NewStation) -> None:
    new_station().start(only="web").eventually_says("start one here: skycam up --only valkey")


def test_an_unreachable_database_is_an_error(new_station: NewStation) -> None:
    station = new_station(DATABASE_URL="postgresql://skycam@127.0.0.1:1/skycam").start()
    assert station.status() == 1
    last = station.output().splitlines()[-1]
    assert last.startswith("skycam: The database cannot be used (connection failed: ")
    assert last.endswith("Start it, or check DATABASE_URL.")
    assert "Traceback" not in station.output()


def test_two_stations_have_separate_brokers(new_station: NewStation) -> None:
    one, other = running_valkey(new_station("one")), running_valkey(new_station("other"))
    one.set("key", "value")
    assert other.get("key") is None


@pytest.fixture
def hung(new_station: NewStation) -> Station:
    """A station with a hung part that has just received the request to stop."""
    station = new_station(SKYCAM_SUPERVISION__SILENCE_S="60")
    running_valkey(station)
    station.part("valkey").suspend()
    station.interrupt()
    station.eventually_says("stopping")
    return station


def test_a_hung_part_does_not_keep_a_station_from_stopping(hung: Station) -> None:
    assert Timings.of(hung.config).stop_s < 10  # then it kills the part
    assert hung.status() == 0


def test_a_second_interrupt_ends_a_station_without_waiting_for_its_parts(hung: Station) -> None:
    hung.interrupt()
    assert hung.status() == 130


def test_sigterm_stops_a_part_that_runs_alone(new_station: NewStation) -> None:
    station = new_station()
    running_valkey(station)
    assert station.stop(signal.SIGTERM) == 0


def test_a_station_with_few_open_files_says_so_and_serves(new_station: NewStation) -> None:
    station = new_station().up(wrapped_in=FEW_FILES)
    assert "may open at most 96 files" in station.output()
    assert station.api.ask("GET", "cameras/")["results"] != []
