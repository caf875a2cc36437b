"""A station that is stopped during long exposures, and started again."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.harness.far_ends.gphoto2_port.build import build, control
from tests.harness.stations.fault_station import FaultStation
from tests.harness.waiting import eventually

STOPPED = ("failed", "station_stopped")
STOPPED_S = 30
"""The launcher kills what is left after 8 s, and a busy machine needs some more. The exposures take a minute."""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def station(desk: Path) -> Iterator[FaultStation]:
    """A hung capture is not given up before the station is stopped."""
    station = FaultStation(desk / "data", SKYCAM_SUPERVISION__MARGIN_S="60", **build(desk))
    try:
        station.up().sign_in()
        assert station.post("cameras/", {"slug": "dslr", "kind": "gphoto2"}).status == 201
        station.eventually_ready()
        station.eventually_ready("dslr")
        yield station
    finally:
        station.ensure_stopped()


def exposing(station: FaultStation, camera: str, **settings: object) -> str:
    capture = station.post(f"cameras/{camera}/capture/", settings, Prefer="respond-async").body["id"]
    eventually(lambda: f"{capture}.plan" in station.spooled(), 40, "the exposure")
    return str(capture)


def stop(station: FaultStation, number: signal.Signals) -> tuple[int, float, list[psutil.Process]]:
    """Stop the station: its exit status, the seconds it took, and the processes that are left."""
    processes = station.processes()
    began = time.monotonic()
    return station.stop(number), time.monotonic() - began, [one for one in processes if one.is_running()]


def test_a_stop_during_a_long_exposure_is_its_reason_and_the_session_resumes(station: FaultStation) -> None:
    session = station.start_session(exposure_us=60_000_000, delay_s=0.1)
    eventually(lambda: any(name.endswith(".plan") for name in station.spooled()), 40, "the long exposure")
    status, took_s, left = stop(station, signal.SIGTERM)
    assert status == 0
    assert left == []
    assert took_s < STOPPED_S
    assert station.rows("SELECT status, reason FROM captures_capture") == [STOPPED]
    station.up()
    eventually(
        lambda: (station.get("cameras/simulated/status/")["session"] or {}).get("id") == session, 40, "the session"
    )
    stopped = station.post("cameras/simulated/stop/").body
    station.eventually_settled()
    assert stopped["id"] == session
    assert stopped["state"] == "stopped"
    assert station.inconsistencies() == []


def test_a_hung_capture_and_waiting_captures_fail_as_station_stopped(station: FaultStation, desk: Path) -> None:
    control(desk, "hang capture once")
    stuck = exposing(station, "dslr", exposure_us=1_000_000)
    eventually(lambda: not (desk / "control").exists(), 40, "the camera is busy in the library")
    running = exposing(station, "simulated", exposure_us=60_000_000)
    later = [station.post("cameras/simulated/capture/", Prefer="respond-async").body["id"] for _ in range(10)]
    status, took_s, left = stop(station, signal.SIGINT)
    assert status == 0
    assert left == []
    assert took_s < STOPPED_S
    assert {station.status_of(capture) for capture in [stuck, running, *later]} == {STOPPED}
    assert station.inconsistencies() == []
