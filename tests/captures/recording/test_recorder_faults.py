"""Repeated failures of the recorder or its disk: they are reported, and recording continues as soon as it can."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.camera_processes.camera_process import CameraProcess
from tests.harness.camera_processes.recorded_clips import RECORDING, records_of
from tests.harness.disks.bad_disk import BadDisk, on

FAST = {"fps": 30, "width": 320, "height": 240, "exposure_us": 1000}
LONG = {**RECORDING, "clip_s": 60}


@pytest.fixture
def disk(tmp_path: Path) -> BadDisk:
    return BadDisk(tmp_path)


def wait_for_frames(process: CameraProcess, frames: int = 10) -> None:
    process.wait_for_message(lambda message: (message.get("recorder") or {}).get("frames", 0) > frames)


def failure(process: CameraProcess) -> str:
    message: str = process.wait_for_message(lambda one: one.get("key") == "recording.failed:sim" and one["message"])[
        "message"
    ]
    return message


def test_an_encoder_that_fails_at_each_frame_is_reported_and_does_not_end_the_recorder(tmp_path: Path) -> None:
    with CameraProcess(tmp_path, settings=FAST, recording={**LONG, "preset": "none such"}) as process:
        message = failure(process)
        process.send("record", recording=LONG)
        wait_for_frames(process)
    assert "The recorder failed" in message


@pytest.mark.slow
def test_a_disk_that_cannot_sync_is_reported_until_it_can(tmp_path: Path, disk: BadDisk) -> None:
    with on(disk)(tmp_path, settings=FAST, recording=LONG) as process:
        wait_for_frames(process)
        with disk.faulty("sync-fails"):
            message = failure(process)
            process.wait_for_type("spooled", part="clips")
            process.wait_for_type("spooled", part="clips")
        messages = [one["message"] for one in process.messages if one.get("key") == "recording.failed:sim"]
        process.wait_for_type("alert", key="recording.failed:sim", message="")
        records = records_of(process)
    assert "Input/output error" in message
    assert messages[-1]
    assert {record["body"]["reason"] for record in records} == {"write_error"}


def killed_while_recording(folder: Path) -> None:
    with CameraProcess(folder, settings=FAST, recording=LONG) as killed:
        wait_for_frames(killed)


@pytest.mark.slow
def test_a_clip_that_cannot_be_read_is_reported_and_recording_continues(tmp_path: Path, disk: BadDisk) -> None:
    killed_while_recording(tmp_path)
    with disk.faulty("read-fails"), on(disk)(tmp_path, settings=FAST, recording=LONG) as process:
        message = process.wait_for_message(lambda one: one.get("key") == "recording.left:sim")["message"]
        wait_for_frames(process, 60)
        assert records_of(process) == []
    with on(disk)(tmp_path, settings=FAST, recording=None) as process:
        process.wait_for_type("alert", key="recording.left:sim", message="")
        assert len(records_of(process)) == 2
    assert "Input/output error" in message


def test_the_open_clip_is_synced_while_the_recovery_of_another_hangs(tmp_path: Path, disk: BadDisk) -> None:
    killed_while_recording(tmp_path)
    with disk.faulty("read-hangs"), on(disk)(tmp_path, settings=FAST, recording=LONG) as process:
        wait_for_frames(process)
        with disk.faulty("sync-fails"):
            assert "Input/output error" in failure(process)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["write-hangs", "sync-hangs"])
def test_a_disk_that_hangs_is_reported_and_the_clip_continues_when_it_is_back(
    tmp_path: Path, disk: BadDisk, how: str
) -> None:
    with on(disk)(tmp_path, settings=FAST, recording=LONG) as process:
        wait_for_frames(process)
        with disk.faulty(how):
            assert "has not answered" in failure(process)
        process.wait_for_type("alert", key="recording.failed:sim", message="")
        wait_for_frames(process, 40)
        process.wait_for_type("answer", command_id=process.send("record", recording=None))
        [record] = records_of(process)
    messages = [one["message"] for one in process.messages if one.get("key") == "recording.failed:sim"]
    assert [bool(one) for one in messages] == [False, True, False, False]
    assert record["body"]["frames"] + record["body"]["lost_frames"] > 40


def rotate(process: CameraProcess) -> str:
    """Request a new clip; returns the command once that clip is open."""
    clip = process.wait_for_message(lambda message: (message.get("recorder") or {}).get("clip"))["recorder"]["clip"]
    command = process.send("rotate")
    process.wait_for_message(lambda message: (message.get("recorder") or {}).get("clip") not in {None, clip})
    return command


def test_each_request_for_a_new_clip_is_answered_with_the_clip_that_it_ended(tmp_path: Path, disk: BadDisk) -> None:
    killed_while_recording(tmp_path)
    with on(disk)(tmp_path, settings=FAST, recording=LONG) as process:
        with disk.faulty("read-hangs"):
            commands = [rotate(process), rotate(process)]
        clips = [process.wait_for_type("answer", command_id=command)["body"]["clip"] for command in commands]
    assert clips[0] < clips[1]
