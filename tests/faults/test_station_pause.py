"""A paused session stays paused when its camera's process, or the whole station, is killed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.stations.fault_station import FaultStation
from tests.harness.waiting import eventually


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultStation]:
    station = FaultStation(tmp_path_factory.mktemp("paused") / "data")
    try:
        station.up().sign_in().eventually_ready()
        yield station
    finally:
        station.ensure_stopped()


def state_in_its_process(station: FaultStation) -> str:
    return str((station.get("cameras/simulated/status/")["session"] or {}).get("state"))


@pytest.mark.parametrize("target", ["camera", "all"])
def test_a_pause_outlives_kill_9(station: FaultStation, target: str) -> None:
    session = station.start_session(cadence_s=0.25)
    eventually(lambda: station.get(f"sessions/{session}/")["saved"] >= 2, 40, "two captures")
    assert station.post(f"sessions/{session}/pause/").status == 200
    eventually(lambda: station.get(f"sessions/{session}/")["state"] == "paused", 40, "the pause")
    saved, pid = station.get(f"sessions/{session}/")["saved"], station.camera_pid()

    station.kill(target)
    eventually(lambda: station.camera_pids().get("simulated", pid) != pid, 60, "a new process of the camera")
    station.eventually_ready(within_s=40)
    eventually(lambda: state_in_its_process(station) == "paused", 40, "its process knows the pause")
    assert station.get(f"sessions/{session}/")["saved"] == saved
    assert station.capture().status == 201

    assert station.post(f"sessions/{session}/resume/").status == 200
    eventually(lambda: station.get(f"sessions/{session}/")["saved"] >= saved + 2, 40, "it goes on")
    station.post(f"sessions/{session}/stop/")
    station.eventually_settled()
    found = station.get(f"sessions/{session}/")
    reasons = [gap["reason"] for gap in found["gaps"] if gap["reason"] != "overrun"]  # of a busy machine
    assert reasons == ["vetoed"]
    assert found["planned"] == found["saved"] + found["failed"] + found["skipped"]
    assert station.inconsistencies() == []
