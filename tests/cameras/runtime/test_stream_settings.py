"""The settings of the stream while someone watches a session live, and what they leave alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cameras.drivers.simulated.driver import SimulatedDriver
from cameras.runtime.clock import CameraClock
from cameras.runtime.device_timing import DeviceTimes
from tests.harness.camera_processes.camera_loop import CameraLoopBench
from tests.harness.waiting import eventually

SESSION = "0193a000-0000-7000-8000-000000000003"
OWN_US, SESSION_US = 1000, 40_000
LIGHT_PER_US = 4.5e-3
"""Of the chart in green."""
CHART = {
    "scene": "chart", "width": 320, "height": 240, "sky_level": 5000.0, "contrast_decades": 0.0, "fps": 20.0,
    "exposure_us": OWN_US,
}  # fmt: skip


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[CameraLoopBench]:
    """A camera with the exposure OWN_US, whose dial is read often."""
    clock = CameraClock()
    bench = CameraLoopBench(
        tmp_path, clock, SimulatedDriver("", clock), settings=CHART, times=DeviceTimes(telemetry_s=0.1)
    )
    with bench:
        bench.wait_for_type("observed", observed="ready")
        bench.send_command("live", qualities=["medium"])
        yield bench


def apply_session(bench: CameraLoopBench, desired: str = "running", revision: int = 1) -> None:
    """Its first capture comes at once, its second an hour later."""
    session = bench.desired_session(SESSION, revision, desired, exposure_us=SESSION_US, cadence_s=3600.0)
    bench.send_command("start" if desired == "running" else "stop", session=session)


def stream_exposes(bench: CameraLoopBench, exposure_us: int) -> bool:
    """Whether the newest frame has the light of this exposure."""
    frame = bench.buffer.get_frame_for_streaming()
    light = 0.0 if frame is None else float(np.median(frame.image[200:, :, 1]))
    return abs(light - exposure_us * LIGHT_PER_US) < 1.5


def keeps_exposing(bench: CameraLoopBench, exposure_us: int) -> None:
    """Wait for such a frame, and for more of them: the picture of a capture is one frame of the stream."""
    for _ in range(3):
        eventually(partial(stream_exposes, bench, exposure_us), f"frames of {exposure_us} us")
        frames = bench.buffer.frames
        eventually(lambda since=frames: bench.buffer.frames > since + 1, "further frames")


def test_a_camera_without_a_session_streams_with_its_own_settings(bench: CameraLoopBench) -> None:
    keeps_exposing(bench, OWN_US)


def test_live_view_of_a_session_has_the_exposure_of_its_captures(bench: CameraLoopBench) -> None:
    apply_session(bench)
    keeps_exposing(bench, SESSION_US)
    apply_session(bench, "stopped", revision=2)
    keeps_exposing(bench, OWN_US)


def test_a_recording_keeps_the_cameras_own_settings(bench: CameraLoopBench) -> None:
    bench.streamed.keeps_frames = True
    apply_session(bench)
    bench.wait_for_type("spooled")
    keeps_exposing(bench, OWN_US)


def test_the_settings_of_the_stream_are_no_settings_of_the_camera(bench: CameraLoopBench) -> None:
    apply_session(bench)
    keeps_exposing(bench, SESSION_US)
    assert bench.outcome(bench.capture())["exposure_us"] == OWN_US
    keeps_exposing(bench, SESSION_US)
    assert bench.process.device.settings.differs == []
    assert bench.process.device.settings.reading["actual"]["exposure_us"] == OWN_US


def test_settings_that_are_changed_meanwhile_apply_to_the_camera(bench: CameraLoopBench) -> None:
    apply_session(bench)
    keeps_exposing(bench, SESSION_US)
    answer = bench.send_command("configure", settings={"exposure_us": 2000})
    assert bench.wait_for_type("answer", command_id=answer)["body"]["actual"]["exposure_us"] == 2000
    keeps_exposing(bench, SESSION_US)
    apply_session(bench, "stopped", revision=2)
    keeps_exposing(bench, 2000)


def test_a_long_exposure_is_shortened_for_the_stream(tmp_path: Path) -> None:
    bench: Any = CameraLoopBench(tmp_path)
    with bench:
        bench.wait_for_type("observed", observed="ready")
        bench.process.device.stream_settings.use({"exposure_us": 8_000_000, "iso": 800, "format": "jpeg"})
    assert bench.camera.of_stream == [{"exposure_us": 1_000_000, "iso": 800}]
