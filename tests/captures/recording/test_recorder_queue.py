"""Frames that wait for the recorder: all of them are written, also when it is stopped meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.captures.recording.queued import QueueBench


def test_what_was_queued_before_a_stop_is_written_though_its_clip_was_due_to_end(tmp_path: Path) -> None:
    with QueueBench(tmp_path, clip_s=0.5) as bench:
        bench.put(range(60))
    assert [number for clip in bench.recorded() for number in clip] == list(range(60))


def test_what_was_queued_in_another_size_before_a_stop_is_written_into_a_clip_of_its_own(tmp_path: Path) -> None:
    with QueueBench(tmp_path, clip_s=60) as bench:
        bench.put(range(30))
        bench.put(range(30, 60), size=(640, 480))
    assert bench.recorded() == [list(range(30)), list(range(30, 60))]


@pytest.mark.parametrize(
    ("width", "preset"), [(16_400, "ultrafast"), (320, "none such")], ids=["too wide", "no such preset"]
)
def test_an_encoder_that_fails_at_its_first_frame_leaves_no_clip_and_nothing_else(
    tmp_path: Path, width: int, preset: str
) -> None:
    with QueueBench(tmp_path, clip_s=60, preset=preset) as bench:
        bench.put(range(3), size=(width, 240))
        said = bench.failed()
    assert "The recorder failed" in said
    assert (bench.recorded(), bench.left()) == ([], [])


def test_eight_seconds_of_frames_wait_for_a_disk_that_takes_its_time(tmp_path: Path) -> None:
    with QueueBench(tmp_path, clip_s=60) as bench:
        bench.put(range(240))
        bench.until_written(240)
    assert bench.recorded() == [list(range(240))]
