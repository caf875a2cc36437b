"""A live view that strains the camera: only while someone watches, never in a session. Also battery and card."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cameras.drivers.abilities import Supplies
from cameras.drivers.base import CameraError
from cameras.runtime.device_timing import DeviceTimes
from tests.harness.camera_processes.camera_loop import CameraLoopBench
from tests.harness.waiting import eventually


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[CameraLoopBench]:
    bench = CameraLoopBench(tmp_path)
    bench.camera.streams, bench.camera.previews = False, True
    with bench:
        bench.wait_for_type("observed", observed="ready")
        yield bench


def watch_live(bench: CameraLoopBench) -> None:
    bench.send_command("live", qualities=["medium"])
    eventually(lambda: bench.buffer.frames > 3)


def apply_session(bench: CameraLoopBench, desired: str = "running", revision: int = 1, **programme: Any) -> None:
    desired_session = bench.desired_session(SESSION, revision, desired, **{"cadence_s": 0.05, **programme})
    bench.send_command("start" if desired == "running" else "stop", session=desired_session)


SESSION = "0193a000-0000-7000-8000-000000000003"


def test_the_mirror_stays_down_while_no_one_watches(bench: CameraLoopBench) -> None:
    bench.outcome(bench.capture())
    assert "frame" not in bench.camera.calls


def test_frames_arrive_while_someone_watches_and_the_mirror_comes_down_afterwards(bench: CameraLoopBench) -> None:
    watch_live(bench)
    assert "rest" not in bench.camera.calls
    bench.streamed.wants_frames = False
    eventually(lambda: bench.camera.calls[-1] == "rest")


def test_a_session_has_the_camera_to_itself(bench: CameraLoopBench) -> None:
    watch_live(bench)
    apply_session(bench)
    eventually(lambda: bench.camera.calls.count("expose") >= 3)
    since = bench.camera.calls[bench.camera.calls.index("expose") :]
    assert "frame" not in since


def test_the_live_view_comes_back_after_a_session(bench: CameraLoopBench) -> None:
    watch_live(bench)
    apply_session(bench, count=2)
    eventually(lambda: bench.camera.calls.count("expose") == 2)
    frames = bench.buffer.frames
    eventually(lambda: bench.buffer.frames > frames + 3)


def test_a_camera_whose_mirror_does_not_come_down_is_reopened(bench: CameraLoopBench) -> None:
    watch_live(bench)
    bench.camera.rest_errors.append(CameraError("The mirror is stuck."))
    bench.streamed.wants_frames = False
    assert bench.wait_for_type("ladder")["message"] == "The mirror is stuck."
    bench.wait_for_type("observed", observed="ready")


def test_a_camera_that_is_gone_when_its_battery_is_read_is_reconnected(tmp_path: Path) -> None:
    bench = CameraLoopBench(tmp_path)
    bench.camera.supplies_results.append(CameraError("It does not answer.", reason="camera_unreachable"))
    with bench:
        assert bench.wait_for_type("ladder")["reason"] == "camera_unreachable"
        bench.wait_for_type("observed", observed="ready")


def test_battery_and_card_are_known_while_the_camera_is_there(tmp_path: Path) -> None:
    bench = CameraLoopBench(tmp_path)
    bench.camera.supplies_results.append(Supplies(battery_percent=77.0, card_free_bytes=32_000_000_000))
    with bench:
        eventually(lambda: bench.process.device.telemetry.supplies.battery_percent == 77.0)
        bench.receive_command({"type": "reopen"})
        eventually(lambda: bench.process.device.telemetry.supplies == Supplies())


def test_slow_telemetry_is_not_read_just_before_a_start(tmp_path: Path) -> None:
    bench = CameraLoopBench(tmp_path, times=DeviceTimes(telemetry_s=0.0))
    bench.camera.supplies_take_s = 0.12
    with bench:
        eventually(lambda: len(bench.camera.supplies_asked) > 1)
        apply_session(bench, cadence_s=0.2)
        eventually(lambda: bench.camera.calls.count("expose") >= 4)
    calls = bench.camera.calls
    assert max(bench.camera.supplies_asked) <= calls.index("expose")


def test_a_failed_live_view_does_not_stop_captures(bench: CameraLoopBench) -> None:
    bench.camera.frame_errors.extend(CameraError("Not in this position of the dial.") for _ in range(100))
    bench.send_command("live", qualities=["medium"])
    assert bench.wait_for_type("ladder")["message"] == "Not in this position of the dial."
    assert [bench.outcome(bench.capture())["outcome"] for _ in range(3)] == ["saved"] * 3
    assert bench.camera.calls.count("frame") == 1
    assert bench.process.device.retries.failures == 0
