"""Requests for the settings of the camera: one reading answers them all, changes nothing and delays no exposure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cameras.drivers.base import CameraError
from cameras.runtime.device_timing import DeviceTimes
from tests.harness.camera_processes.camera_loop import CameraLoopBench
from tests.harness.waiting import eventually

SESSION = "0193a000-0000-7000-8000-000000000003"
DESIRED = {"gain": 2.0, "iso": 200}
GONE = CameraError("The camera is not there. Plug it in.", reason="camera_unreachable")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[CameraLoopBench]:
    """A camera whose settings are read on each request, and only then."""
    with read_once(tmp_path, DeviceTimes(telemetry_s=1000.0, fresh_s=0.0)) as bench:
        yield bench


@contextmanager
def read_once(root: Path, times: DeviceTimes) -> Iterator[CameraLoopBench]:
    with CameraLoopBench(root, times=times, settings=dict(DESIRED)) as bench:
        eventually(lambda: bench.camera.read_backs == 1)
        yield bench


def read(bench: CameraLoopBench) -> dict[str, Any]:
    """The answer to a request for the settings."""
    return bench.wait_for_type("answer", command_id=bench.send_command("read"))


def reports(bench: CameraLoopBench) -> list[dict[str, Any]]:
    """The reports of the settings, requested or not."""
    return [message for message in bench.link.messages if message["type"] == "settings"]


def test_a_reading_reports_a_setting_changed_on_the_body(bench: CameraLoopBench) -> None:
    bench.camera.turned = {"gain": 4.0}
    body = read(bench)["body"]
    assert body["actual"] == {**DESIRED, "gain": 4.0}
    assert body["warnings"] == []
    assert body["differs"] == [{"name": "gain", "wished": 2.0, "has": 4.0}]
    assert reports(bench)[1:] == [{"type": "settings", "stream_fps": None, **body}]


def test_a_reading_sets_nothing(bench: CameraLoopBench) -> None:
    calls = bench.camera.calls.count("apply")
    read(bench)
    assert bench.camera.read_backs == 2
    assert bench.camera.calls.count("apply") == calls


def test_requests_within_a_second_share_one_reading(tmp_path: Path) -> None:
    with read_once(tmp_path, DeviceTimes(telemetry_s=1000.0, fresh_s=1000.0)) as bench:
        assert read(bench)["body"]["read_at"] == read(bench)["body"]["read_at"]
        assert bench.camera.read_backs == 1


def test_a_reading_of_unchanged_settings_has_a_newer_time(bench: CameraLoopBench) -> None:
    bench.camera.read_back_takes_s = 0.01
    first, second = read(bench)["body"], read(bench)["body"]
    assert first["actual"] == second["actual"]
    assert first["read_at"] < second["read_at"]
    assert len(reports(bench)) == 1


def test_while_an_exposure_is_due_a_request_gets_the_previous_reading(bench: CameraLoopBench) -> None:
    bench.camera.read_back_takes_s = 0.3
    slow = read(bench)["body"]
    bench.send_command("start", session=bench.desired_session(SESSION, cadence_s=0.2))
    eventually(lambda: bench.camera.calls.count("expose") > 2)
    assert read(bench)["body"] == slow
    assert bench.camera.read_backs == 2


def test_between_two_exposures_the_camera_is_read_if_there_is_time(bench: CameraLoopBench) -> None:
    bench.send_command("start", session=bench.desired_session(SESSION, cadence_s=60))
    eventually(lambda: (bench.process.runner.describe_session() or {}).get("saved"))
    bench.camera.read_back_takes_s = 0.1
    read(bench)
    assert bench.camera.read_backs == 2


def test_a_failed_reading_is_refused_and_the_camera_is_reopened(bench: CameraLoopBench) -> None:
    bench.camera.read_back_errors.append(CameraError("It does not answer."))
    refused = read(bench)
    assert refused["ok"] is False
    assert refused["detail"] == "It does not answer."
    bench.wait_for_type("ladder", message="It does not answer.")
    bench.wait_for_type("observed", observed="ready")


def test_a_request_to_a_camera_that_is_away_is_refused(tmp_path: Path) -> None:
    """And opens it no earlier: its next try follows in about a minute."""
    with read_once(tmp_path, DeviceTimes(telemetry_s=1000.0, first_pause_s=60.0)) as bench:
        bench.camera.open_errors.extend([GONE] * 50)
        bench.camera.next.append(GONE)
        bench.outcome(bench.capture())
        eventually(lambda: bench.process.device.retries.failures == 2)
        refused = read(bench)
        assert refused["reason"] == "camera_unreachable"
        assert refused["detail"] == str(GONE)
        assert bench.process.device.retries.failures == 2


@pytest.fixture
def flooded(bench: CameraLoopBench) -> Iterator[CameraLoopBench]:
    """While one command runs, the next one arrives."""
    bench.camera.meanwhile = lambda: bench.send_command("configure", settings={})
    bench.send_command("configure", settings={})
    yield bench
    bench.camera.meanwhile = None


def test_frames_arrive_during_a_flood_of_commands(flooded: CameraLoopBench) -> None:
    flooded.send_command("live", qualities=["medium"])
    eventually(lambda: flooded.buffer.frames > 20)
    assert flooded.camera.calls.count("apply") > 20


def test_a_commanded_still_is_taken_during_a_flood_of_commands(flooded: CameraLoopBench) -> None:
    assert flooded.outcome(flooded.capture())["outcome"] == "saved"


def test_a_session_exposes_during_a_flood_of_other_commands(flooded: CameraLoopBench) -> None:
    flooded.send_command("start", session=flooded.desired_session(SESSION, delay_s=0.0, count=3))
    eventually(lambda: flooded.camera.calls.count("expose") == 3)
    assert flooded.camera.calls.count("apply") > 3


def test_commands_that_arrived_meanwhile_do_not_wait_for_a_frame(flooded: CameraLoopBench) -> None:
    applied = flooded.camera.calls.count("apply")
    eventually(lambda: flooded.camera.calls.count("apply") > applied + 100)
    assert "frame" not in flooded.camera.calls
