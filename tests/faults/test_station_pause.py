"""A paused session stays paused when its camera's process, or the whole station, is killed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.kills.faults import kill
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, Station
from tests.harness.waiting import eventually


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    station = Station(tmp_path_factory.mktemp("paused") / "data", **ANY_NUMBER_OF_KILLS)
    try:
        station.up().cameras.eventually_ready()
        yield station
    finally:
        station.ensure_stopped()


def state_in_its_process(station: Station) -> str:
    return str((station.api.get("cameras/simulated/status/")["session"] or {}).get("state"))


@pytest.mark.parametrize("target", ["camera", "all"])
def test_a_pause_outlives_kill_9(station: Station, target: str) -> None:
    session = station.cameras.start_session(cadence_s=0.25)
    eventually(lambda: station.api.get(f"sessions/{session}/")["saved"] >= 2, 40, "two captures")
    assert station.api.post(f"sessions/{session}/pause/").status == 200
    eventually(lambda: station.api.get(f"sessions/{session}/")["state"] == "paused", 40, "the pause")
    saved, pid = station.api.get(f"sessions/{session}/")["saved"], station.cameras.pid()

    kill(station, target)
    eventually(lambda: station.cameras.pids().get("simulated", pid) != pid, 60, "a new process of the camera")
    station.cameras.eventually_ready(within_s=40)
    eventually(lambda: state_in_its_process(station) == "paused", 40, "its process knows the pause")
    assert station.api.get(f"sessions/{session}/")["saved"] == saved
    assert station.cameras.capture().status == 201

    assert station.api.post(f"sessions/{session}/resume/").status == 200
    eventually(lambda: station.api.get(f"sessions/{session}/")["saved"] >= saved + 2, 40, "it goes on")
    station.api.post(f"sessions/{session}/stop/")
    station.spools.eventually_settled()
    found = station.api.get(f"sessions/{session}/")
    reasons = [gap["reason"] for gap in found["gaps"] if gap["reason"] != "overrun"]  # of a busy machine
    assert reasons == ["vetoed"]
    assert found["planned"] == found["saved"] + found["failed"] + found["skipped"]
    assert station.spools.inconsistencies() == []
