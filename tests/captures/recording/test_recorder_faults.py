"""What fails in a recorder or under it, again and again: it is told, and recording goes on as soon as it can."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.captures.recording.bad_disk import BadDisk, on
from tests.captures.recording.clips import RECORDING, records_of
from tests.faults.camera_process import CameraProcess

FAST = {"fps": 30, "width": 320, "height": 240, "exposure_us": 1000}
LONG = {**RECORDING, "clip_s": 60}


@pytest.fixture
def disk(tmp_path: Path) -> BadDisk:
    return BadDisk(tmp_path)


def records_some(process: CameraProcess, frames: int = 10) -> None:
    process.until(lambda message: (message.get("recorder") or {}).get("frames", 0) > frames)


def failed(process: CameraProcess) -> str:
    said: str = process.until(lambda one: one.get("key") == "recording.failed:sim" and one["message"])["message"]
    return said


def test_an_encoder_that_fails_at_each_frame_is_told_and_does_not_end_the_recorder(tmp_path: Path) -> None:
    with CameraProcess(tmp_path, settings=FAST, recording={**LONG, "preset": "none such"}) as process:
        said = failed(process)
        process.send("record", recording=LONG)
        records_some(process)
    assert "The recorder failed" in said


def test_a_disk_that_syncs_nothing_is_told_until_it_does(tmp_path: Path, disk: BadDisk) -> None:
    with on(disk)(tmp_path, settings=FAST, recording=LONG) as process:
        records_some(process)
        with disk.does("sync-fails"):
            said = failed(process)
            process.until_type("spooled", part="clips")
            process.until_type("spooled", part="clips")
        told = [one["message"] for one in process.messages if one.get("key") == "recording.failed:sim"]
        process.until_type("alert", key="recording.failed:sim", message="")
        records = records_of(process)
    assert "Input/output error" in said
    assert told[-1]
    assert {record["body"]["reason"] for record in records} == {"write_error"}


def killed_while_recording(folder: Path) -> None:
    with CameraProcess(folder, settings=FAST, recording=LONG) as killed:
        records_some(killed)


def test_a_clip_that_cannot_be_read_any_more_is_told_and_keeps_nobody_from_recording(
    tmp_path: Path, disk: BadDisk
) -> None:
    killed_while_recording(tmp_path)
    with disk.does("read-fails"), on(disk)(tmp_path, settings=FAST, recording=LONG) as process:
        said = process.until(lambda one: one.get("key") == "recording.left:sim")["message"]
        records_some(process, 60)
        assert records_of(process) == []
    with on(disk)(tmp_path, settings=FAST, recording=None) as process:
        process.until_type("alert", key="recording.left:sim", message="")
        assert len(records_of(process)) == 2
    assert "Input/output error" in said


def test_the_clip_that_grows_is_synced_while_a_left_one_takes_long(tmp_path: Path, disk: BadDisk) -> None:
    killed_while_recording(tmp_path)
    with disk.does("read-hangs"), on(disk)(tmp_path, settings=FAST, recording=LONG) as process:
        records_some(process)
        with disk.does("sync-fails"):
            assert "Input/output error" in failed(process)


@pytest.mark.parametrize("how", ["write-hangs", "sync-hangs"])
def test_a_disk_that_hangs_is_told_and_the_clip_goes_on_when_it_is_back(
    tmp_path: Path, disk: BadDisk, how: str
) -> None:
    with on(disk)(tmp_path, settings=FAST, recording=LONG) as process:
        records_some(process)
        with disk.does(how):
            assert "has not answered" in failed(process)
        process.until_type("alert", key="recording.failed:sim", message="")
        process.until_type("answer", command_id=process.send("record", recording=None))
        [record] = records_of(process)
    told = [one["message"] for one in process.messages if one.get("key") == "recording.failed:sim"]
    assert [bool(message) for message in told] == [False, True, False, False]
    assert record["body"]["frames"] + record["body"]["lost_frames"] > 120


def ended(process: CameraProcess) -> str:
    """The command that asked for the next clip, once that grows."""
    clip = process.until(lambda message: (message.get("recorder") or {}).get("clip"))["recorder"]["clip"]
    command = process.send("rotate")
    process.until(lambda message: (message.get("recorder") or {}).get("clip") not in {None, clip})
    return command


def test_each_who_asks_for_a_new_clip_hears_of_the_one_that_he_ended(tmp_path: Path, disk: BadDisk) -> None:
    killed_while_recording(tmp_path)
    with on(disk)(tmp_path, settings=FAST, recording=LONG) as process:
        with disk.does("read-hangs"):
            asked = [ended(process), ended(process)]
        clips = [process.until_type("answer", command_id=command)["body"]["clip"] for command in asked]
    assert clips[0] < clips[1]
