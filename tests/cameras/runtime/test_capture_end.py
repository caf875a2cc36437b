"""When a capture has ended, and the times of a status: milliseconds, and Z."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

from cameras.drivers.base import CameraError
from cameras.drivers.simulated.driver import SimulatedDriver
from cameras.runtime.clock import CameraClock
from cameras.supervision.camera_status import LastCaptures
from tests.harness.camera_processes.camera_loop import CameraLoopBench

SESSION = "0193a000-0000-7000-8000-000000000003"
FETCH_S, DELAY_S = 0.5, 3600.0
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
CHART = {"scene": "chart", "width": 320, "height": 240}


def simulated(folder: Path, **settings: Any) -> CameraLoopBench:
    clock = CameraClock()
    return CameraLoopBench(folder, clock, SimulatedDriver("", clock), settings={**CHART, **settings})


def seconds(begin: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()


def test_a_capture_ends_when_its_picture_is_fetched_and_written(tmp_path: Path) -> None:
    with simulated(tmp_path, fetch_s=FETCH_S) as bench:
        body = bench.outcome(bench.capture(exposure_us=1000))
    assert seconds(body["started"], body["ended"]) >= FETCH_S
    assert STAMP.fullmatch(body["ended"])


def test_a_capture_ends_after_a_slow_transfer(tmp_path: Path) -> None:
    with simulated(tmp_path) as bench:
        bench.wait_for_type("observed", observed="ready")
        bench.send_command("faults", faults={"slow": FETCH_S})
        body = bench.outcome(bench.capture(exposure_us=1000))
    assert seconds(body["started"], body["ended"]) >= FETCH_S


def test_a_delay_counts_from_the_exposure_if_the_next_one_does_not_wait_for_the_picture(tmp_path: Path) -> None:
    bench = simulated(tmp_path, fetch_s=FETCH_S)
    with bench:
        session = bench.desired_session(SESSION, exposure_us=20_000, delay_s=DELAY_S)
        bench.send_command("start", session=session)
        spooled = bench.wait_for_message(lambda message: message["type"] == "spooled" and is_capture(bench, message))
        body = bench.record(spooled["id"])
    assert seconds(body["started"], body["following"]["at"]) - DELAY_S < FETCH_S
    assert seconds(body["started"], body["ended"]) >= FETCH_S


def is_capture(bench: CameraLoopBench, spooled: dict[str, Any]) -> bool:
    return "exposure_us" in bench.record(spooled["id"])


def test_a_failed_capture_has_the_time_of_its_failure_with_the_same_digits(tmp_path: Path) -> None:
    bench = CameraLoopBench(tmp_path)
    bench.camera.next.append(CameraError("It broke."))
    with bench:
        body = bench.outcome(bench.capture())
    assert body["outcome"] == "failed"
    assert STAMP.fullmatch(body["ended"])


def test_the_last_capture_of_a_status_has_milliseconds_whatever_its_record_has() -> None:
    last, body = LastCaptures(), {"outcome": "failed", "reason": "camera_error"}
    older: Any = {"id": "a", "body": {**body, "ended": "2026-11-27T10:00:00.250Z"}}
    newer: Any = {"id": "b", "body": {**body, "ended": "2026-11-27T10:00:00.251807+00:00"}}
    for record in (newer, older):
        last.note("sky", record)
    assert last.find("sky") == {
        "id": "b",
        "status": "failed",
        "reason": "camera_error",
        "at": "2026-11-27T10:00:00.251Z",
    }


def test_the_end_of_a_session_has_milliseconds_whatever_its_programme_has(tmp_path: Path) -> None:
    with CameraLoopBench(tmp_path) as bench:
        session = bench.desired_session(SESSION, cadence_s=3600.0, until="2099-01-01T00:00:00Z")
        body = bench.wait_for_type("answer", command_id=bench.send_command("start", session=session))["body"]
    assert body["until"] == "2099-01-01T00:00:00.000Z"
