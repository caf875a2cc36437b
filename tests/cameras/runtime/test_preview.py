"""The live view of a camera that pays for it: only while somebody looks, never in a session. And what runs out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uuid6

from cameras.drivers.base import CameraError, Supplies
from cameras.runtime import device
from tests.cameras.runtime.camera_loop_bench import CameraLoopBench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[CameraLoopBench]:
    bench = CameraLoopBench(tmp_path)
    bench.camera.streams, bench.camera.previews = False, True
    with bench:
        bench.until_type("observed", observed="ready")
        yield bench


def looks(bench: CameraLoopBench) -> None:
    bench.send_command("live", qualities=["medium"])
    bench.wait_for(lambda: bench.buffer.frames > 3)


def session(bench: CameraLoopBench, desired: str = "running", revision: int = 1, **programme: Any) -> None:
    desired_session = bench.desired_session(SESSION, revision, desired, **{"cadence_s": 0.05, **programme})
    bench.send_command("start" if desired == "running" else "stop", session=desired_session)


SESSION = str(uuid6.uuid7())


def test_nobody_looks_and_the_mirror_stays_down(bench: CameraLoopBench) -> None:
    bench.outcome(bench.capture())
    assert "frame" not in bench.camera.calls


def test_frames_come_while_somebody_looks_and_the_mirror_comes_down_after(bench: CameraLoopBench) -> None:
    looks(bench)
    assert "rest" not in bench.camera.calls
    bench.streamed.wants_frames = False
    bench.wait_for(lambda: bench.camera.calls[-1] == "rest")


def test_a_session_has_the_camera_to_itself(bench: CameraLoopBench) -> None:
    looks(bench)
    session(bench)
    bench.wait_for(lambda: bench.camera.calls.count("expose") >= 3)
    since = bench.camera.calls[bench.camera.calls.index("expose") :]
    assert "frame" not in since


def test_the_live_view_comes_back_after_a_session(bench: CameraLoopBench) -> None:
    looks(bench)
    session(bench, count=2)
    bench.wait_for(lambda: bench.camera.calls.count("expose") == 2)
    frames = bench.buffer.frames
    bench.wait_for(lambda: bench.buffer.frames > frames + 3)


def test_a_mirror_that_does_not_come_down_is_a_reason_to_open_the_camera_anew(bench: CameraLoopBench) -> None:
    looks(bench)
    bench.camera.rest_errors.append(CameraError("The mirror is stuck."))
    bench.streamed.wants_frames = False
    assert bench.until_type("ladder")["message"] == "The mirror is stuck."
    bench.until_type("observed", observed="ready")


def test_a_camera_that_is_gone_when_it_is_asked_for_its_battery_is_reconnected(tmp_path: Path) -> None:
    bench = CameraLoopBench(tmp_path)
    bench.camera.supplies_results.append(CameraError("It does not answer.", reason="camera_unreachable"))
    with bench:
        assert bench.until_type("ladder")["reason"] == "camera_unreachable"
        bench.until_type("observed", observed="ready")


def test_what_a_camera_has_left_is_known_while_it_is_there(tmp_path: Path) -> None:
    bench = CameraLoopBench(tmp_path)
    bench.camera.supplies_results.append(Supplies(battery_percent=77.0, card_free_bytes=32_000_000_000))
    with bench:
        bench.wait_for(lambda: bench.loop.device.supplies.battery_percent == 77.0)
        bench.loop.receive_command({"type": "reopen"})
        bench.wait_for(lambda: bench.loop.device.supplies == Supplies())


def test_a_camera_that_takes_long_to_say_what_it_has_left_is_not_asked_just_before_a_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "TELEMETRY_S", 0.0)
    bench = CameraLoopBench(tmp_path)
    bench.camera.supplies_take_s = 0.3
    with bench:
        bench.wait_for(lambda: len(bench.camera.supplies_asked) > 1)
        session(bench, cadence_s=0.5)
        bench.wait_for(lambda: bench.camera.calls.count("expose") >= 4)
    calls = bench.camera.calls
    assert max(bench.camera.supplies_asked) <= calls.index("expose")


def test_a_live_view_that_fails_costs_the_camera_nothing_else(bench: CameraLoopBench) -> None:
    bench.camera.frame_errors.extend(CameraError("Not in this position of the dial.") for _ in range(100))
    bench.send_command("live", qualities=["medium"])
    assert bench.until_type("ladder")["message"] == "Not in this position of the dial."
    assert [bench.outcome(bench.capture())["outcome"] for _ in range(3)] == ["saved"] * 3
    assert (bench.camera.calls.count("frame"), bench.loop.device.failures) == (1, 0)
