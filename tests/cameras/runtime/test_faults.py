"""A camera process while its camera goes wrong on purpose: what it says of itself, and what becomes of a capture."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.faults.camera_process import CameraProcess


@pytest.fixture
def process(tmp_path: Path) -> Iterator[CameraProcess]:
    with CameraProcess(tmp_path, margin_s=0.3) as process:
        process.until_type("observed", observed="ready")
        yield process


def cause(process: CameraProcess, **faults: Any) -> dict[str, Any]:
    """What the process answers."""
    command = process.send("faults", faults=faults)
    return process.until_type("answer", command_id=command)


def outcome(process: CameraProcess, **asked: Any) -> dict[str, Any]:
    capture = process.capture(**asked)
    process.until_type("spooled", id=capture)
    found: dict[str, Any] = process.done()[capture]["body"]
    return found


def test_faults_are_answered_with_those_that_are_on(process: CameraProcess) -> None:
    assert cause(process, slow=2.5, torn_frame=3)["body"] == {"faults": {"slow": 2.5, "torn_frame": 3}}
    assert cause(process)["body"] == {"faults": {}}


def test_a_fault_that_does_not_exist_is_refused(process: CameraProcess) -> None:
    answer = cause(process, flood=True)
    assert (answer["ok"], answer["problem"]) == (False, "invalid")


def test_a_crash_is_told_before_it_ends_the_process(process: CameraProcess) -> None:
    cause(process, crash=2)
    process.capture()
    process.until_type("faults", faults={"crash": 1}, struck="crash")
    assert process.process.wait(10) == -signal.SIGSEGV


def test_a_process_begins_with_the_faults_of_its_spec(tmp_path: Path) -> None:
    with CameraProcess(tmp_path, faults={"disconnect": True}) as process:
        said = process.until_type("observed", observed="reconnecting")
        assert "is unplugged" in said["reason"]
        cause(process)
        process.until_type("observed", observed="ready")


def test_a_camera_that_is_pulled_out_is_missed_though_nothing_is_asked_of_it(process: CameraProcess) -> None:
    process.send("faults", faults={"disconnect": True})
    process.until_type("observed", observed="reconnecting")
    assert outcome(process)["reason"] == "camera_unreachable"


def test_an_exposure_by_a_wrong_clock_has_the_stations_times_and_says_so(process: CameraProcess) -> None:
    cause(process, wrong_clock=7200)
    found = outcome(process)
    off_s = (datetime.fromisoformat(found["started"]) - datetime.now(UTC)).total_seconds()
    assert abs(off_s) < 60
    assert found["warnings"] == ["The camera's clock is +7200 s off; the station's is used."]


def test_a_torn_picture_is_kept_with_a_warning_and_is_still_simulated(process: CameraProcess) -> None:
    cause(process, torn_frame=1)
    found = outcome(process)
    assert (found["outcome"], found["simulated"], "torn" in found["warnings"][0]) == ("saved", True, True)


def test_a_stream_that_falls_silent_is_opened_anew(process: CameraProcess) -> None:
    process.send("live", qualities=["low"])
    process.until(lambda message: message["type"] == "state" and message["frames"] > 0)
    cause(process, slow=600)
    said = process.until_type("observed", observed="reconnecting")
    assert "has given no frame for" in said["reason"]
