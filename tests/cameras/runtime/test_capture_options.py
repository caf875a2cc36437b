"""Options of captures in a camera process: with a command and with each exposure of a session."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cameras.drivers.simulated.driver import SimulatedDriver
from cameras.runtime.clock import CameraClock
from tests.harness.camera_processes.camera_loop import CameraLoopBench
from tests.harness.waiting import eventually

SESSION = "0193a000-0000-7000-8000-000000000003"
DARK = {"shutter": False}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[CameraLoopBench]:
    clock = CameraClock()
    settings = {"scene": "chart", "width": 320, "height": 240}
    with CameraLoopBench(tmp_path, clock, SimulatedDriver("", clock), settings=settings) as bench:
        bench.wait_for_type("observed", observed="ready")
        yield bench


def test_the_options_of_a_capture_reach_the_camera_and_its_record(bench: CameraLoopBench) -> None:
    record = bench.outcome(bench.capture(exposure_us=1000, options=DARK))
    assert record["asked"] == {"exposure_us": 1000, "options": DARK}
    frame = bench.buffer.get_frame_for_streaming()
    assert frame is not None
    assert frame.image.mean() < 10


def test_an_option_that_the_camera_does_not_have_fails_its_capture_only(bench: CameraLoopBench) -> None:
    failed = bench.outcome(bench.capture(options={"mirror": "up"}))
    assert (failed["outcome"], failed["reason"]) == ("failed", "rejected_setting")
    assert failed["message"].startswith("The option mirror: There is no such option.")
    assert bench.outcome(bench.capture())["outcome"] == "saved"
    assert [message for message in bench.link.messages if message["type"] == "ladder"] == []


def test_the_options_of_a_session_are_those_of_each_capture(bench: CameraLoopBench) -> None:
    desired = bench.desired_session(SESSION, kind="burst", burst=2, delay_s=0.0, count=2, options=DARK)
    bench.wait_for_type("answer", command_id=bench.send_command("start", session=desired))
    eventually(lambda: bench.process.runner.describe_session() is None)
    records = [json.loads(path.read_text())["body"] for path in sorted(bench.spool.glob("*.done"))]
    assert [body["asked"]["options"] for body in records if "asked" in body] == [DARK, DARK]


def test_a_session_with_an_option_that_the_camera_does_not_have_is_refused(bench: CameraLoopBench) -> None:
    desired = bench.desired_session(SESSION, delay_s=0.0, options={"mirror": "up"})
    answer = bench.wait_for_type("answer", command_id=bench.send_command("start", session=desired))
    assert (answer["ok"], answer["reason"]) == (False, "rejected_setting")
    assert bench.process.runner.describe_session() is None
