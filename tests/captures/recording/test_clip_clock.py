"""Clips have the state of the clock in which they were recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from captures.ingest import clip_of
from tests.harness.camera_processes.camera_process import CameraProcess
from tests.harness.camera_processes.recorded_clips import RECORDING, records_of
from tests.harness.clocks.wall_clock.wall_clock import WallClock


class ShiftedProcess(CameraProcess):
    """A camera process whose wall clock the test sets."""

    wall_clock: WallClock

    def environment(self) -> dict[str, str]:
        return super().environment() | self.wall_clock.environment


@pytest.fixture
def process(tmp_path: Path) -> Iterator[CameraProcess]:
    (tmp_path / "clock").mkdir()
    ShiftedProcess.wall_clock = WallClock(tmp_path / "clock")
    settings = {"fps": 30, "width": 320, "height": 240, "exposure_us": 1000}
    with ShiftedProcess(
        tmp_path, is_preloaded=False, settings=settings, recording={**RECORDING, "clip_s": 60}
    ) as process:
        yield process


def test_a_clip_says_that_the_clock_was_set_while_it_was_recorded(process: CameraProcess) -> None:
    process.wait_for_message(lambda message: (message.get("recorder") or {}).get("frames", 0) > 5)
    ShiftedProcess.wall_clock.set(-3600)
    process.wait_for_message(lambda message: (message.get("recorder") or {}).get("frames", 0) > 20)
    process.wait_for_type("answer", command_id=process.send("rotate"))
    process.wait_for_message(lambda message: (message.get("recorder") or {}).get("frames", 0) > 5)
    process.wait_for_type("answer", command_id=process.send("record", recording=None))
    first, second = (clip_of(record) for record in records_of(process)[:2])
    # A thread that is interrupted between two clocks measures a step of its own.
    assert first.clock_jumped_s == pytest.approx(-3600, abs=60)
    assert second.clock_jumped_s == pytest.approx(0, abs=60)
    assert first.clock in {"synchronised", "unsynchronised", "unknown"}
