"""Frames that wait for the recorder: all of them are written, also when it is stopped meanwhile."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from cameras.runtime.storage import Storage
from tests.cameras.runtime.owner_bench import PATIENCE_S
from tests.captures.recording.recorder_bench import RecorderBench
from tests.skycam_project.stations import eventually


def test_what_was_queued_before_a_stop_is_written_though_its_clip_was_due_to_end(tmp_path: Path) -> None:
    with RecorderBench(tmp_path, clip_s=0.5) as bench:
        bench.put(range(60))
    assert [number for clip in bench.recorded() for number in clip] == list(range(60))


def test_what_was_queued_in_another_size_before_a_stop_is_written_into_a_clip_of_its_own(tmp_path: Path) -> None:
    with RecorderBench(tmp_path, clip_s=60) as bench:
        bench.put(range(30))
        bench.put(range(30, 60), size=(640, 480))
    assert bench.recorded() == [list(range(30)), list(range(30, 60))]


@pytest.mark.parametrize(
    ("width", "preset"), [(16_400, "ultrafast"), (320, "none such")], ids=["too wide", "no such preset"]
)
def test_an_encoder_that_fails_at_its_first_frame_leaves_no_clip_and_nothing_else(
    tmp_path: Path, width: int, preset: str
) -> None:
    with RecorderBench(tmp_path, clip_s=60, preset=preset) as bench:
        bench.put(range(3), size=(width, 240))
        said = bench.failed()
    assert "The recorder failed" in said
    assert (bench.recorded(), bench.left()) == ([], [])


def test_eight_seconds_of_frames_wait_for_a_disk_that_takes_its_time(tmp_path: Path) -> None:
    with RecorderBench(tmp_path, clip_s=60) as bench:
        bench.put(range(240))
        bench.until_written(240)
    assert bench.recorded() == [list(range(240))]


def test_what_comes_while_the_queue_of_a_stopped_recording_is_written_goes_into_the_next_one(tmp_path: Path) -> None:
    with RecorderBench(tmp_path, clip_s=60) as bench:
        bench.put(range(60))
        bench.stop()
        bench.start()
        bench.put(range(60, 90))
    assert bench.recorded() == [list(range(60)), list(range(60, 90))]


def test_what_there_is_no_time_to_write_at_the_end_is_counted_as_lost(tmp_path: Path) -> None:
    with RecorderBench(tmp_path, write_s=0, clip_s=60) as bench:
        bench.put(range(2))
        bench.until_written(2)
        bench.put(range(2, 200))
    [body] = [record["body"] for record in bench.records()]
    assert body["frames"] + body["lost_frames"] == 200


def test_a_camera_that_records_nothing_raises_no_alert_of_its_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [OSError(errno.EROFS, "Read-only file system")]
    monkeypatch.setattr(Storage, "reaches", lambda *_: refused(answers))
    bench = RecorderBench(tmp_path, clip_s=60)
    eventually(lambda: not answers, PATIENCE_S, "the disk has refused once")
    with bench:
        bench.put(range(10))
        bench.until_written(10)
    raised = [heard for heard in bench.link.inbox.queue if heard["type"] == "alert" and heard["message"]]
    assert raised == []


def refused(answers: list[OSError]) -> None:
    """Each of them once."""
    for answer in answers[:]:
        answers.remove(answer)
        raise answer
