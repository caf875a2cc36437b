"""A station that is stopped during long exposures, and started again."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.harness.far_ends.gphoto2_port.build import build, control
from tests.harness.stations.cameras import hexed
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, Station
from tests.harness.waiting import eventually

STOPPED = ("failed", "station_stopped")
LONG_US = 600_000_000
"""An exposure that a stop must not wait for."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("desk")


@pytest.fixture(scope="module")
def station(desk: Path) -> Iterator[Station]:
    """A hung capture is not given up before the station is stopped."""
    station = Station(desk / "data", SKYCAM_SUPERVISION__MARGIN_S="60", **build(desk), **ANY_NUMBER_OF_KILLS)
    try:
        station.up()
        assert station.api.post("cameras/", {"slug": "dslr", "kind": "gphoto2"}).status == 201
        yield station
    finally:
        station.ensure_stopped()


def exposing(station: Station, camera: str, **settings: object) -> str:
    capture = station.api.post(f"cameras/{camera}/capture/", settings, Prefer="respond-async").body["id"]
    eventually(lambda: f"{capture}.plan" in station.spools.files(), "the exposure")
    return str(capture)


def stop(station: Station, number: signal.Signals) -> tuple[int, list[psutil.Process]]:
    """Stop the station: its exit status, and the processes that are left."""
    processes = station.processes()
    return station.stop(number), [one for one in processes if one.is_running()]


def test_a_stop_during_a_long_exposure_is_its_reason_and_the_session_resumes(station: Station) -> None:
    station.cameras.eventually_ready()
    session = station.cameras.start_session(exposure_us=LONG_US, delay_s=0.1)
    eventually(lambda: any(name.endswith(".plan") for name in station.spools.files()), "the long exposure")
    status, left = stop(station, signal.SIGTERM)
    assert status == 0
    assert left == []
    outcomes = "SELECT status, reason FROM captures_capture WHERE session_id = ?"
    assert station.database.rows(outcomes, hexed(session)) == [STOPPED]
    station.up()
    eventually(
        lambda: (station.api.get("cameras/simulated/status/")["session"] or {}).get("id") == session, "the session"
    )
    stopped = station.api.post("cameras/simulated/stop/").body
    station.spools.eventually_settled()
    assert stopped["id"] == session
    assert stopped["state"] == "stopped"
    assert station.spools.inconsistencies() == []


def test_a_hung_capture_and_waiting_captures_fail_as_station_stopped(station: Station, desk: Path) -> None:
    station.cameras.eventually_ready()
    station.cameras.eventually_ready("dslr")
    control(desk, "hang capture once")
    stuck = exposing(station, "dslr", exposure_us=1_000_000)
    eventually(lambda: not (desk / "control").exists(), "the camera is busy in the library")
    running = exposing(station, "simulated", exposure_us=LONG_US)
    later = [station.api.post("cameras/simulated/capture/", Prefer="respond-async").body["id"] for _ in range(10)]
    status, left = stop(station, signal.SIGINT)
    assert status == 0
    assert left == []
    assert {station.database.status_of(capture) for capture in [stuck, running, *later]} == {STOPPED}
    assert station.spools.inconsistencies() == []
