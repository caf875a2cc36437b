"""Queued frames are all written, also when recording is stopped meanwhile."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from cameras.spool.storage import Storage
from tests.harness.camera_processes.recorder import RecorderBench
from tests.harness.waiting import eventually


def test_frames_queued_before_a_stop_are_written_though_their_clip_is_due_to_end(tmp_path: Path) -> None:
    with RecorderBench(tmp_path, clip_s=0.5) as bench:
        bench.put_frames(range(60))
    assert [number for clip in bench.recorded_numbers() for number in clip] == list(range(60))


def test_frames_of_another_size_queued_before_a_stop_get_a_clip_of_their_own(tmp_path: Path) -> None:
    with RecorderBench(tmp_path, clip_s=60) as bench:
        bench.put_frames(range(30))
        bench.put_frames(range(30, 60), size=(640, 480))
    assert bench.recorded_numbers() == [list(range(30)), list(range(30, 60))]


@pytest.mark.parametrize(
    ("width", "preset"), [(16_400, "ultrafast"), (320, "none such")], ids=["too wide", "no such preset"]
)
def test_an_encoder_that_fails_at_its_first_frame_leaves_no_clip_and_nothing_else(
    tmp_path: Path, width: int, preset: str
) -> None:
    with RecorderBench(tmp_path, clip_s=60, preset=preset) as bench:
        bench.put_frames(range(3), size=(width, 240))
        message = bench.failure()
    assert "The recorder failed" in message
    assert bench.recorded_numbers() == []
    assert bench.unfinished_files() == []


def test_eight_seconds_of_frames_fit_into_the_queue(tmp_path: Path) -> None:
    with RecorderBench(tmp_path, clip_s=60) as bench:
        bench.put_frames(range(240))
        bench.wait_for_frames(240)
    assert bench.recorded_numbers() == [list(range(240))]


def test_frames_after_a_restart_go_into_the_next_clip_while_the_queue_is_written(tmp_path: Path) -> None:
    with RecorderBench(tmp_path, clip_s=60) as bench:
        bench.put_frames(range(60))
        bench.stop()
        bench.start()
        bench.put_frames(range(60, 90))
    assert bench.recorded_numbers() == [list(range(60)), list(range(60, 90))]


def test_frames_without_time_to_be_written_at_the_end_are_counted_as_lost(tmp_path: Path) -> None:
    with RecorderBench(tmp_path, write_s=0, clip_s=60) as bench:
        bench.put_frames(range(2))
        bench.wait_for_frames(2)
        bench.put_frames(range(2, 200))
    [body] = [record["body"] for record in bench.records()]
    assert body["frames"] + body["lost_frames"] == 200


def test_a_camera_that_does_not_record_raises_no_alert_about_its_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = [OSError(errno.EROFS, "Read-only file system")]
    monkeypatch.setattr(Storage, "check_links_into", lambda *_: raise_next(errors))
    bench = RecorderBench(tmp_path, clip_s=60)
    eventually(lambda: not errors, "the disk has failed once")
    with bench:
        bench.put_frames(range(10))
        bench.wait_for_frames(10)
    alerts = [sent for sent in bench.link.inbox.queue if sent["type"] == "alert" and sent["message"]]
    assert alerts == []


def raise_next(errors: list[OSError]) -> None:
    """Raise each of the errors once."""
    for error in errors[:]:
        errors.remove(error)
        raise error
