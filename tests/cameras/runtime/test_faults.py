"""A camera process with a simulated camera that has faults: its messages, and the outcomes of captures."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.harness.camera_processes.camera_process import CameraProcess
from tests.harness.waiting import PATIENCE_S


@pytest.fixture
def process(tmp_path: Path) -> Iterator[CameraProcess]:
    with CameraProcess(tmp_path, telemetry_s=0.1) as process:
        process.wait_for_type("observed", observed="ready")
        yield process


def inject_faults(process: CameraProcess, **faults: Any) -> dict[str, Any]:
    """The answer of the process."""
    command = process.send("faults", faults=faults)
    return process.wait_for_type("answer", command_id=command)


def outcome(process: CameraProcess, **requested: Any) -> dict[str, Any]:
    capture = process.capture(**requested)
    process.wait_for_type("spooled", id=capture)
    found: dict[str, Any] = process.done()[capture]["body"]
    return found


def test_the_answer_to_faults_names_those_that_are_active(process: CameraProcess) -> None:
    assert inject_faults(process, slow=2.5, torn_frame=3)["body"] == {"faults": {"slow": 2.5, "torn_frame": 3}}
    assert inject_faults(process)["body"] == {"faults": {}}


def test_a_fault_that_does_not_exist_is_refused(process: CameraProcess) -> None:
    answer = inject_faults(process, flood=True)
    assert answer["ok"] is False
    assert answer["problem"] == "invalid"


def test_a_crash_is_reported_before_it_ends_the_process(process: CameraProcess) -> None:
    inject_faults(process, crash=2)
    process.capture()
    process.wait_for_type("faults", faults={"crash": 1}, struck="crash")
    assert process.process.wait(PATIENCE_S) == -signal.SIGSEGV


def test_a_process_starts_with_the_faults_of_its_spec(tmp_path: Path) -> None:
    with CameraProcess(tmp_path, faults={"disconnect": True}) as process:
        message = process.wait_for_type("observed", observed="reconnecting")
        assert "is unplugged" in message["reason"]
        inject_faults(process)
        process.wait_for_type("observed", observed="ready")


def test_an_unplugged_camera_is_noticed_while_it_is_idle(process: CameraProcess) -> None:
    process.send("faults", faults={"disconnect": True})
    process.wait_for_type("observed", observed="reconnecting")
    assert outcome(process)["reason"] == "camera_unreachable"


def test_an_exposure_with_a_wrong_clock_has_the_stations_times_and_a_warning(process: CameraProcess) -> None:
    inject_faults(process, wrong_clock=7200)
    found = outcome(process)
    off_s = (datetime.fromisoformat(found["started"]) - datetime.now(UTC)).total_seconds()
    assert abs(off_s) < 3600
    assert found["warnings"] == ["The camera's clock is +7200 s off; the station's is used."]


def test_a_torn_picture_is_kept_with_a_warning_and_is_still_simulated(process: CameraProcess) -> None:
    inject_faults(process, torn_frame=1)
    found = outcome(process)
    assert found["outcome"] == "saved"
    assert found["simulated"] is True
    assert "torn" in found["warnings"][0]


def test_a_camera_whose_stream_falls_silent_is_reopened(tmp_path: Path) -> None:
    with CameraProcess(tmp_path, margin_s=0.3) as process:
        process.send("live", qualities=["low"])
        process.wait_for_message(lambda message: message["type"] == "state" and message["frames"] > 0)
        inject_faults(process, slow=600)
        message = process.wait_for_type("observed", observed="reconnecting")
    assert "has sent no frame for" in message["reason"]
