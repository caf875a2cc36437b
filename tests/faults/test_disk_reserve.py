"""Below the disk reserve a session skips its captures, with one gap; requested captures are still taken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cameras.runtime.disk_reserve import DISK_RESERVE_BYTES
from tests.harness.camera_processes.camera_process import CameraProcess
from tests.harness.disks.small_disk import SmallDisk
from tests.harness.rows.archive import Archive

SESSION = "0193a000-0000-7000-8000-000000000003"
FLOOR = 2_000_000
SMALL = {"exposure_us": 1000, "width": 320, "height": 240}
REPORTS = 6
"""They come REPORT_S apart, so that a start is missed before the last of them: a picture takes 0.2 s."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    disk = SmallDisk(tmp_path)
    yield disk
    disk.close()


@pytest.fixture
def process(disk: SmallDisk) -> Iterator[CameraProcess]:
    with CameraProcess(disk.path, settings=SMALL, disk_reserve_bytes=FLOOR) as process:
        process.wait_for_type("observed", observed="ready")
        yield process


def bodies(process: CameraProcess, kind: str) -> list[dict[str, Any]]:
    return [record["body"] for record in process.done().values() if record["kind"] == kind]


def skipped_by_the_disk(process: CameraProcess) -> int:
    return sum(body["count"] for body in bodies(process, "gap") if body["reason"] == "disk_full")


def start_below_the_floor(disk: SmallDisk, process: CameraProcess, **programme: Any) -> None:
    """Start a session, and wait until it skips its captures."""
    disk.leave(FLOOR // 2)
    process.start_session(SESSION, cadence_s=0.05, **programme)
    process.wait_for_type("log", kind="storage.last_floor")


def test_a_session_on_a_disk_below_the_floor_takes_no_picture_and_reports_it_once(
    disk: SmallDisk, process: CameraProcess
) -> None:
    start_below_the_floor(disk, process)
    process.wait_for_message(lambda m: m["type"] == "state" and m["session"] and m["session"]["state"] == "running")
    process.wait_for_type("state")
    logged = [message for message in process.messages if message["type"] == "log"]
    assert [message["kind"] for message in logged] == ["storage.last_floor"]
    assert bodies(process, "capture") == []


def test_the_status_says_that_the_disk_is_full_until_there_is_space(disk: SmallDisk, process: CameraProcess) -> None:
    start_below_the_floor(disk, process)
    found = process.wait_for_type("observed", observed="ready", code="disk_full")
    assert found["reason"].startswith("Less than 2 MiB are free in ")
    disk.empty()
    process.wait_for_type("log", kind="storage.room")
    process.wait_for_message(lambda m: m["type"] == "observed" and m["reason"] == "")


def test_it_resumes_by_itself_and_the_missed_captures_are_a_gap_of_a_full_disk(
    disk: SmallDisk, process: CameraProcess
) -> None:
    start_below_the_floor(disk, process)
    process.wait_for_type("state")
    disk.empty()
    process.wait_for_type("log", kind="storage.room")
    process.wait_for_message(lambda m: m["type"] == "state" and m["session"] and m["session"]["saved"] > 0)
    process.wait_for_message(lambda _: skipped_by_the_disk(process) > 0)


def test_each_capture_of_such_a_session_has_exactly_one_outcome(disk: SmallDisk, process: CameraProcess) -> None:
    start_below_the_floor(disk, process, count=30)
    process.wait_for_type("state")
    disk.empty()
    process.wait_for_state(lambda state: not state["session"])
    indexes = [body["index"] for body in bodies(process, "capture")]
    for gap in bodies(process, "gap"):
        indexes += range(gap["first_index"], gap["first_index"] + gap["count"])
    assert sorted(indexes) == list(range(30))


def test_a_requested_capture_is_still_taken(disk: SmallDisk, process: CameraProcess) -> None:
    start_below_the_floor(disk, process)
    capture = process.capture()
    process.wait_for_type("spooled", id=capture)
    assert process.done()[capture]["body"]["outcome"] == "saved"


def test_a_session_stopped_below_the_floor_ends_with_its_gap_without_waiting_for_space(
    disk: SmallDisk, process: CameraProcess
) -> None:
    start_below_the_floor(disk, process)
    for _ in range(REPORTS):
        process.wait_for_type("state")
    process.start_session(SESSION, 2, "stopped", cadence_s=0.05)
    process.wait_for_type("log", kind="storage.room")
    process.wait_for_message(lambda _: skipped_by_the_disk(process) > 0)


@pytest.mark.django_db
def test_a_station_starts_its_cameras_with_the_disk_reserve(tmp_path: Path) -> None:
    assert Archive(tmp_path).desired().spec(None)["disk_reserve_bytes"] == DISK_RESERVE_BYTES == 256 * 2**20
