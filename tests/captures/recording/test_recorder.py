"""A camera process that records: its clips and their records."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cameras.drivers.base import FrameData
from captures.recordings.recorder.recorder_inbox import LossCounter
from tests.harness.camera_processes.camera_process import CameraProcess
from tests.harness.camera_processes.recorded_clips import (
    RECORDING,
    clips_of,
    numbered_video,
    numbers,
    records_of,
    shown,
)

FAST = {"fps": 30, "width": 320, "height": 240, "exposure_us": 1000}


def recording(root: Path, **changes: Any) -> CameraProcess:
    return CameraProcess(root, settings=FAST, recording={**RECORDING, **changes})


def wait_for_clips(process: CameraProcess, clips: int) -> None:
    for _ in range(clips):
        process.wait_for_type("spooled", part="clips")


def ends(record: dict[str, Any]) -> tuple[datetime, datetime]:
    return datetime.fromisoformat(record["body"]["started"]), datetime.fromisoformat(record["body"]["ended"])


@pytest.mark.slow
def test_every_frame_is_in_one_clip_across_three_rotations(tmp_path: Path) -> None:
    with recording(tmp_path) as process:
        wait_for_clips(process, 3)
        stopped = process.send("record", recording=None)
        process.wait_for_type("answer", command_id=stopped)
        found = numbers(clips_of(process))
    assert found == list(range(len(found)))


@pytest.mark.slow
def test_a_clip_ends_where_the_next_one_begins(tmp_path: Path) -> None:
    with recording(tmp_path) as process:
        wait_for_clips(process, 3)
        records, files = records_of(process)[:3], clips_of(process)
    first, second, third = (ends(record) for record in records)
    assert first[1] == second[0]
    assert second[1] == third[0]
    assert second[1] - second[0] > timedelta(seconds=0.9)
    assert shown(files[1])[-1].seconds <= RECORDING["clip_s"]


def test_the_record_describes_the_file(tmp_path: Path) -> None:
    with recording(tmp_path) as process:
        wait_for_clips(process, 1)
        [file], [record] = clips_of(process)[:1], records_of(process)[:1]
        file_record = record["files"][0]
        assert tmp_path / file_record["path"] == file
        assert file_record["bytes"] == file.stat().st_size
        assert file_record["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    body = record["body"]
    assert body["frames"] == len(shown(file))
    assert body["kind"] == "rolling"
    assert body["simulated"] is True
    assert body["interrupted"] is False
    assert body["requested_by"] == "anna"
    assert file_record["width"] == 320
    assert file_record["height"] == 240
    assert body["lost_frames"] == 0
    assert body["delivery"]["expected_fps"] == 30.0


def test_a_clip_cut_off_by_a_kill_is_kept_and_marked(tmp_path: Path) -> None:
    with recording(tmp_path, clip_s=60) as killed:
        killed.wait_for_message(lambda message: (message.get("recorder") or {}).get("frames", 0) > 40)
    with recording(tmp_path, clip_s=60) as process:
        wait_for_clips(process, 1)
        [record], [file] = records_of(process), clips_of(process)
    assert record["body"]["interrupted"] is True
    assert record["body"]["reason"] == "interrupted"
    assert record["body"]["frames"] == len(shown(file)) >= 40
    assert record["files"][0]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert numbers([file]) == list(range(record["body"]["frames"]))


def test_a_new_clip_on_demand_loses_no_frame(tmp_path: Path) -> None:
    with recording(tmp_path, clip_s=60) as process:
        process.wait_for_message(lambda message: (message.get("recorder") or {}).get("frames", 0) > 10)
        rotated = process.send("rotate")
        answer = process.wait_for_type("answer", command_id=rotated)
        stopped = process.send("record", recording=None)
        process.wait_for_type("answer", command_id=stopped)
        [first, second], found = records_of(process), numbers(clips_of(process))
    assert answer["body"]["clip"] == first["id"]
    assert ends(first)[1] == ends(second)[0]
    assert found == list(range(len(found)))


def test_another_picture_size_begins_another_clip(tmp_path: Path) -> None:
    with recording(tmp_path, clip_s=60) as process:
        process.wait_for_message(lambda message: (message.get("recorder") or {}).get("frames", 0) > 5)
        process.send("configure", settings={"width": 640, "height": 480})
        wait_for_clips(process, 1)
        process.send("record", recording=None)
        wait_for_clips(process, 1)
        sizes = [(record["files"][0]["width"], record["body"]["interrupted"]) for record in records_of(process)]
    assert sizes == [(320, False), (640, False)]


def test_recording_is_started_and_stopped_by_command(tmp_path: Path) -> None:
    with CameraProcess(tmp_path, settings=FAST) as process:
        started = process.wait_for_type(
            "answer", command_id=process.send("record", recording={**RECORDING, "clip_s": 60})
        )
        stopped = process.wait_for_type("answer", command_id=process.send("record", recording=None))
        [record] = records_of(process)
    assert started["ok"] is True
    assert stopped["ok"] is True
    assert started["body"]["clip"] == stopped["body"]["clip"] == record["id"]


def test_the_end_of_the_process_finalizes_its_clip(tmp_path: Path) -> None:
    with recording(tmp_path, clip_s=60) as process:
        process.wait_for_message(lambda message: (message.get("recorder") or {}).get("frames", 0) > 5)
        process.finish()
        [record] = records_of(process)
    assert not record["body"]["interrupted"]


def test_below_the_floor_nothing_is_recorded_and_stills_continue(tmp_path: Path) -> None:
    with recording(tmp_path, floor_bytes=1 << 60) as process:
        alert = process.wait_for_type("alert", key="recording.failed:sim")
        process.wait_for_type("spooled", id=process.capture())
        state = process.wait_for_message(lambda message: message.get("recorder"))["recorder"]
    assert "has less than" in alert["message"]
    assert state["state"] == "failing"
    assert state["reason"] == "disk_full"
    assert clips_of(process) == []


@pytest.mark.slow
def test_a_camera_that_goes_away_ends_its_clip_and_begins_another_when_it_is_back(tmp_path: Path) -> None:
    with recording(tmp_path, clip_s=60) as process:
        process.wait_for_message(lambda message: (message.get("recorder") or {}).get("frames", 0) > 5)
        process.send("faults", faults={"disconnect": True})
        wait_for_clips(process, 1)
        process.send("faults", faults={})
        process.wait_for_message(lambda message: (message.get("recorder") or {}).get("frames", 0) > 5)
        [record] = records_of(process)
    assert not record["body"]["interrupted"]


def frame(number: int) -> FrameData:
    return FrameData(np.zeros((2, 2), np.uint8), 0, float(number), number)


def test_frames_missing_in_the_numbers_of_a_camera_are_lost() -> None:
    losses = LossCounter(numbered=True)
    assert [losses.count_before(frame(number), dropped=0) for number in (7, 8, 11, 0, 1)] == [0, 0, 2, 0, 0]


def test_where_a_camera_does_not_number_its_frames_dropped_ones_are_lost() -> None:
    losses = LossCounter(numbered=False)
    counted = [losses.count_before(frame(number), dropped) for number, dropped in ((7, 0), (9, 0), (10, 3), (11, 3))]
    assert counted == [0, 0, 3, 0]


def test_stills_that_are_frames_are_in_the_clip_once_and_in_order(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    source = numbered_video(tmp_path / "sources" / "numbers.mp4")
    with CameraProcess(
        tmp_path, kind="opencv", address=str(source), settings={}, sources=[str(source.parent)],
        recording={**RECORDING, "clip_s": 60},
    ) as process:  # fmt: skip
        for _ in range(5):
            process.wait_for_type("spooled", id=process.capture())
            process.wait_for_type("state")
        process.wait_for_type("answer", command_id=process.send("record", recording=None))
        [record], [file] = records_of(process), clips_of(process)
    found = numbers([file])
    assert None not in found
    assert found == sorted(set(found), key=lambda number: number or 0)
    assert record["body"]["lost_frames"] == 0
    assert record["body"]["frames"] == len(found)


def delivery_of_a_clip(process: CameraProcess) -> dict[str, Any]:
    """Of the clip that is being recorded, once it has ended."""
    stopped = process.send("record", recording=None)
    process.wait_for_type("answer", command_id=stopped)
    delivery: dict[str, Any] = records_of(process)[-1]["body"]["delivery"]
    return delivery


def test_a_camera_that_delivers_less_than_its_set_rate_has_holes(tmp_path: Path) -> None:
    with recording(tmp_path, clip_s=60.0) as process:
        process.send("faults", faults={"slow": 0.2})
        shown = process.wait_for_state(lambda state: state["recorder"]["holes"] >= 3)["recorder"]
        found = delivery_of_a_clip(process)
    assert shown["expected_fps"] == found["expected_fps"] == 30.0
    assert found["hole_count"] >= 3
    assert "not_delivered" in {hole["reason"] for hole in found["holes"]}


def test_a_still_during_a_recording_is_a_hole_with_its_reason(tmp_path: Path) -> None:
    with recording(tmp_path, clip_s=60.0) as process:
        process.wait_for_state(lambda state: state["recorder"]["frames"] >= 3)
        process.wait_for_type("spooled", id=process.capture(exposure_us=1_000_000))
        frames = process.wait_for_type("state")["recorder"]["frames"]
        process.wait_for_state(lambda state: state["recorder"]["frames"] > frames + 3)
        found = delivery_of_a_clip(process)
    assert "still" in {hole["reason"] for hole in found["holes"]}
    assert found["stills_s"] >= 1.0
