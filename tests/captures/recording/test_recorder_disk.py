"""A full, missing or failing disk under a camera that records: clips end as they are, the camera continues."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uuid6

from cameras.spool.storage import make_root
from tests.harness.camera_processes.camera_process import CameraProcess
from tests.harness.camera_processes.recorded_clips import RECORDING, clips_of, numbers, records_of
from tests.harness.camera_processes.recorder import RecorderBench
from tests.harness.disks.small_disk import SmallDisk, mounted

NOISY = {"fps": 30, "width": 320, "height": 240, "exposure_us": 1000, "shot_noise": True}
LONG = {**RECORDING, "clip_s": 60, "max_kbit_s": 1000}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    disk = SmallDisk(tmp_path, "8m")
    yield disk
    disk.close()


@pytest.fixture
def process(disk: SmallDisk) -> Iterator[CameraProcess]:
    with CameraProcess(disk.path, settings=NOISY, recording=LONG) as process:
        wait_for_some_frames(process)
        yield process


def wait_for_some_frames(process: CameraProcess) -> None:
    process.wait_for_message(lambda message: (message.get("recorder") or {}).get("frames", 0) > 10)


def next_record(process: CameraProcess) -> dict[str, Any]:
    clip = process.wait_for_type("spooled", part="clips")["id"]
    return next(record for record in records_of(process) if record["id"] == clip)


def test_a_full_disk_ends_the_clip_and_the_next_begins_when_there_is_space(
    disk: SmallDisk, process: CameraProcess
) -> None:
    disk.fill()
    process.wait_for_type("alert", key="recording.failed:sim")
    record = next_record(process)
    assert record["body"]["interrupted"] is True
    assert record["body"]["reason"] == "disk_full"
    assert numbers([disk.path / record["files"][0]["path"]]) == list(range(record["body"]["frames"]))
    disk.empty()
    process.wait_for_type("alert", key="recording.failed:sim", message="")
    wait_for_some_frames(process)


@pytest.mark.slow
def test_at_the_floor_recording_waits_for_a_tenth_more_space(disk: SmallDisk) -> None:
    floor = 3_000_000
    with CameraProcess(disk.path, settings=NOISY, recording={**LONG, "floor_bytes": floor}) as process:
        wait_for_some_frames(process)
        disk.leave(floor - 500_000)
        process.wait_for_message(lambda one: one.get("key") == "recording.failed:sim" and one["message"])
        disk.leave(floor + 200_000)
        recorder = process.wait_for_message(
            lambda message: free(message) > floor and message["recorder"]["state"] != "recording"
        )["recorder"]
        disk.leave(floor + 500_000)
        wait_for_some_frames(process)
    assert recorder["state"] == "failing"
    assert recorder["reason"] == "disk_full"


def test_a_disk_mounted_over_the_clips_only_is_reported_and_nothing_is_recorded(
    disk: SmallDisk, tmp_path: Path
) -> None:
    with mounted(tmp_path / "other", over=disk.path / "clips"):
        process = CameraProcess(disk.path, settings=NOISY, recording=LONG)
        message = process.wait_for_message(lambda one: one.get("key") == "recording.failed:sim" and one["message"])[
            "message"
        ]
        parts = list((process.spool / "clips").glob("*.part"))
    with process:
        wait_for_some_frames(process)
    assert "on another file system than its .spool" in message
    assert parts == []


def free(message: dict[str, Any]) -> int:
    return (message.get("recorder") or {}).get("free_bytes") or 0


def test_where_no_clip_can_be_deleted_a_manual_one_is_recorded_and_no_rolling_one(disk: SmallDisk) -> None:
    exhausted = {**LONG, "rolling_floor_bytes": 1 << 60}
    with CameraProcess(disk.path, settings=NOISY, recording=exhausted) as process:
        message = process.wait_for_message(lambda one: one.get("key") == "recording.failed:sim" and one["message"])[
            "message"
        ]
        process.send("record", recording={**exhausted, "kind": "manual"})
        process.wait_for_type("alert", key="recording.failed:sim", message="")
        wait_for_some_frames(process)
    assert "they are pinned or held" in message


def test_a_disk_that_refuses_writes_is_reported_and_recording_continues_when_it_works(
    process: CameraProcess,
) -> None:
    resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
    message = process.wait_for_type("alert", key="recording.failed:sim")
    record = next_record(process)
    resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    process.wait_for_type("alert", key="recording.failed:sim", message="")
    assert "File too large" in message["message"]
    assert record["body"]["interrupted"] is True
    assert record["body"]["reason"] == "write_error"


def test_a_clip_on_an_unmounted_disk_is_finalized_when_the_disk_is_back(
    disk: SmallDisk, process: CameraProcess
) -> None:
    disk.unmount()
    process.send("rotate")
    process.wait_for_message(lambda message: (message.get("recorder") or {}).get("reason") == "root_missing")
    disk.mount()
    record = next_record(process)
    assert record["body"]["frames"] > 10
    wait_for_some_frames(process)
    assert len(clips_of(process)) == 1


def test_recording_continues_while_the_root_of_the_stills_is_missing(disk: SmallDisk, tmp_path: Path) -> None:
    video = tmp_path / "video"
    video.mkdir()
    make_root(video, root := str(uuid6.uuid7()))
    where = {"video_root": root, "video_root_path": str(video)}
    with CameraProcess(disk.path, settings=NOISY, recording=LONG, **where) as process:
        wait_for_some_frames(process)
        disk.unmount()
        refused = process.wait_for_type("answer", command_id=process.commands[process.capture()])
        stopped = process.wait_for_type("answer", command_id=process.send("record", recording=None))
        started = process.wait_for_type("answer", command_id=process.send("record", recording=LONG))
        disk.mount()
        process.wait_for_type("observed", observed="ready")
        process.wait_for_type("answer", command_id=process.send("record", recording=None))
    assert refused["reason"] == "root_missing"
    assert stopped["ok"] is True
    assert started["ok"] is True
    assert len(numbers(sorted(video.rglob("*.mp4")))) > 10


def test_the_losses_of_a_clip_are_still_known_after_the_disk_cut_it_off(disk: SmallDisk) -> None:
    with RecorderBench(disk.path, clip_s=60) as bench:
        bench.put_frames(range(20))
        bench.put_frames(range(30, 40))
        bench.wait_for_frames(30)
        disk.fill()
        bench.put_frames(range(40, 200))
        bench.failure()
    [record] = bench.records()
    assert record["body"]["reason"] == "disk_full"
    assert record["body"]["lost_frames"] == 10


def test_after_a_stop_the_failure_of_the_last_clip_is_reported_until_the_root_is_open_again(tmp_path: Path) -> None:
    clips, aside = tmp_path / "clips", tmp_path / "aside"
    with RecorderBench(tmp_path, clip_s=60) as bench:
        bench.put_frames(range(20))
        bench.wait_for_frames(20)
        clips.rename(aside)
        clips.symlink_to(aside)
        bench.stop()
        assert "Not a directory" in bench.failure()
        clips.unlink()
        aside.rename(clips)
        bench.wait_until_failure_closes()
    assert bench.recorded_numbers() == [list(range(20))]
