"""`celery -A skycam_project worker -n NAME` is a complete camera host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from skycam_project.launch.control import restart
from skycam_project.launch.preflight import LaunchError, control_path
from tests.harness.stations.celery_host import CeleryHost
from tests.harness.stations.flower import flower_beside
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

BEFORE, WHILE_AWAY = 3, 20
"""Captures, of a session with one each second."""


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Station]]:
    """A station with a launcher for its broker and one for its web part, and none for its cameras."""
    folder = tmp_path_factory.mktemp("parts")
    found = {name: Station(folder / "data") for name in ("valkey", "web")}
    found["valkey"].environment = found["web"].environment
    found["web"].output_file = folder / "web.out"
    with ExitStack() as stack:
        for station in found.values():
            stack.callback(station.ensure_stopped)
        found["web"].prepare()
        for name, station in found.items():
            station.start(only=name)
        yield found


@pytest.fixture(scope="module")
def station(parts: dict[str, Station]) -> Station:
    return parts["web"]


@pytest.fixture(scope="module")
def shared_host(station: Station, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CeleryHost]:
    host = CeleryHost(station.environment, "main", tmp_path_factory.mktemp("host") / "worker.out")
    yield host
    host.ensure_stopped()


@pytest.fixture
def host(shared_host: CeleryHost, station: Station) -> CeleryHost:
    """It runs, and its camera is ready."""
    if not shared_host.runs():
        shared_host.start()
    station.cameras.eventually_ready()
    return shared_host


@pytest.fixture
def prepared(tmp_path: Path) -> Station:
    """A station of which no part has run."""
    station = Station(tmp_path / "data")
    station.prepare()
    return station


def saved(station: Station, session: str) -> int:
    return int(station.api.get(f"sessions/{session}/")["saved"])


def end_of(station: Station, session: str) -> dict[str, object]:
    """The session once it has ended and all of its records are in the database."""
    station.api.post(f"sessions/{session}/stop/")
    station.spools.eventually_settled()
    return dict(station.api.get(f"sessions/{session}/"))


def lost(session: dict[str, object]) -> list[object]:
    """Its gaps, but for those of a busy machine."""
    return [gap for gap in session["gaps"] if gap["reason"] != "overrun"]  # type: ignore[attr-defined]


def test_a_killed_worker_leaves_no_process_and_the_next_one_takes_its_cameras(
    station: Station, host: CeleryHost
) -> None:
    eventually(lambda: station.cameras.saved_capture()["status"] == "saved", "a capture is saved")
    assert {"files", "cameras", "sensors"} <= set(station.parts())
    processes = host.processes()
    assert station.cameras.pid() in {process.pid for process in processes}
    assert {process.rlimit(psutil.RLIMIT_CORE) for process in processes} == {(0, 0)}, "a core dump has secrets"
    host.end(kill=True)
    eventually(lambda: not any(process.is_running() for process in processes), "no process is left")
    host.start()
    station.cameras.eventually_ready()
    eventually(lambda: station.cameras.saved_capture()["status"] == "saved", "a capture is saved")


def test_a_warm_shutdown_ends_the_cameras_in_order(station: Station, host: CeleryHost) -> None:
    session, processes = station.cameras.start_session(cadence_s=1), host.processes()
    eventually(lambda: saved(station, session) >= BEFORE)
    assert host.end() == 0
    assert not any(process.is_running() for process in processes)
    host.start()
    eventually(lambda: saved(station, session) > BEFORE, "the session goes on")
    end_of(station, session)
    assert station.spools.inconsistencies() == []


@pytest.mark.prove
def test_no_frame_is_lost_while_the_broker_is_away(
    parts: dict[str, Station], station: Station, host: CeleryHost
) -> None:
    session, camera = station.cameras.start_session(cadence_s=1), station.cameras.pid()
    eventually(lambda: saved(station, session) >= BEFORE)
    parts["valkey"].stop()
    expected = saved(station, session) + WHILE_AWAY
    eventually(lambda: saved(station, session) >= expected, "the session goes on", takes_s=WHILE_AWAY)
    parts["valkey"].start(only="valkey")
    eventually(station.cameras.observed, "the broker is back")
    assert station.cameras.pid() == camera
    assert lost(end_of(station, session)) == []
    assert host.runs()


@pytest.mark.prove
def test_a_session_goes_on_while_the_pool_is_restarted(station: Station, host: CeleryHost) -> None:
    session, camera = station.cameras.start_session(cadence_s=1), station.cameras.pid()
    eventually(lambda: saved(station, session) >= BEFORE)
    host.restart_pool()
    expected = saved(station, session) + BEFORE
    eventually(lambda: saved(station, session) >= expected, "the session goes on")
    assert station.cameras.pid() == camera
    assert lost(end_of(station, session)) == []


@pytest.mark.prove
def test_inspect_flower_and_the_page_hosts_agree_on_a_worker_without_a_launcher(
    station: Station, host: CeleryHost
) -> None:
    queues = {
        worker: {queue["name"] for queue in taken} for worker, taken in host.ask("inspect", "active_queues").items()
    }
    assert queues == {"celery@main": {"camera.main", "files.main", "jobs.main"}}
    assert host.ask("inspect", "ping") == {"celery@main": {"ok": "pong"}}
    with flower_beside(station.environment) as flower:
        eventually(lambda: flower.queues() == queues, lambda: f"flower sees {flower.queues()}")
    (row,) = eventually(hosts_with_parts(station), "the parts are measured")
    assert row["name"] == "main"
    assert {"worker", "files", "cameras", "sensors"} <= {part["name"] for part in row["parts"]} <= set(station.parts())
    assert station.parts()["worker"]["pid"] == host.processes()[0].pid
    with pytest.raises(LaunchError, match="has no launcher that could start it again"):
        restart(station.config, "worker")
    assert host.runs()


def hosts_with_parts(station: Station) -> Callable[[], list[dict[str, Any]]]:
    return lambda: [row for row in station.api.get("hosts/")["results"] if row["parts"]]


@pytest.mark.prove
def test_a_second_worker_on_one_folder_is_refused(station: Station, host: CeleryHost, tmp_path: Path) -> None:
    second = CeleryHost(station.environment, "main", tmp_path / "second.out").start()
    assert second.status() == 1
    assert f"Another station uses {station.data}" in second.output()
    assert host.runs()


def refusal(host: CeleryHost) -> str:
    """What a worker says that ends at once."""
    try:
        assert host.start().status() == 1
        return host.output()
    finally:
        host.ensure_stopped()


@pytest.mark.prove
def test_a_worker_of_a_restored_copy_is_refused(prepared: Station, tmp_path: Path) -> None:
    (prepared.data / "copied-from").write_text("main, yesterday")
    output = refusal(CeleryHost(prepared.environment, "main", tmp_path / "worker.out"))
    assert "This station is a restored copy (of main, yesterday) and is paused" in output


@pytest.mark.prove
def test_a_worker_that_cannot_watch_its_parts_ends(prepared: Station, tmp_path: Path) -> None:
    control_path(prepared.config, "cameras").mkdir()
    output = refusal(CeleryHost(prepared.environment, "main", tmp_path / "worker.out"))
    assert "This camera host ends: " in output
    assert str(control_path(prepared.config, "cameras")) in output


def test_a_worker_with_the_name_of_another_host_is_refused(prepared: Station, tmp_path: Path) -> None:
    dome = CeleryHost({**prepared.environment, "SKYCAM_HOST": "roof"}, "dome", tmp_path / "dome.out").start()
    assert dome.status() == 1
    assert (
        "was given the name dome, but this machine is the host roof (environment: SKYCAM_HOST). Start it with `-n roof`"
        in (dome.output())
    )
