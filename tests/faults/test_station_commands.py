"""A whole station and many callers at once: order or 409, wishes that last, cameras that go and come."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.station import Answer, FaultStation
from tests.skycam_project.stations import eventually

CALLERS = 20


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultStation]:
    station = FaultStation(tmp_path_factory.mktemp("commands") / "data")
    try:
        station.up().sign_in().eventually_ready()
        station.call("PATCH", "cameras/simulated/settings/", {"width": 320, "height": 240})
        yield station
    finally:
        station.ensure_stopped()


def at_once(call: Callable[[], Answer], times: int = CALLERS) -> list[Answer]:
    with ThreadPoolExecutor(times) as callers:
        return [asked.result() for asked in [callers.submit(call) for _ in range(times)]]


def saved_in(station: FaultStation, session: str) -> int:
    return int(station.get(f"sessions/{session}/")["saved"])


def test_a_session_that_was_stopped_does_not_come_back_with_the_next_process(station: FaultStation) -> None:
    session = station.start_session(cadence_s=0.1)
    eventually(lambda: saved_in(station, session) >= 2, 10, "the session runs")
    pid = station.camera_pid()
    stopped = station.post("cameras/simulated/stop/").body
    os.kill(pid, signal.SIGKILL)
    station.camera_pid(other_than=pid)
    eventually(lambda: station.capture().status == 201, 5, "the camera is back")
    assert station.get("cameras/simulated/status/")["session"] is None
    assert station.count("captures_capture WHERE session_id = ?", session.replace("-", "")) == stopped["planned"]
