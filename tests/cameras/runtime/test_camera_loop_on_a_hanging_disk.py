"""A hanging disk is reported, nothing is written twice, and exposures are saved when the disk answers again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cameras.spool.agenda import NAME, build_agenda
from tests.harness.camera_processes.agendas import RUNS, run
from tests.harness.camera_processes.camera_loop import CameraLoopBench
from tests.harness.disks.hanging_disk import HangingDisk
from tests.harness.waiting import PATIENCE_S, eventually

SESSION = "0193a000-0000-7000-8000-000000000003"
CADENCE_S = 0.2


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[CameraLoopBench]:
    with CameraLoopBench(tmp_path) as bench:
        bench.wait_for_type("observed", observed="ready")
        bench.process.stills.timeout_s = 0.05
        yield bench


@pytest.fixture
def disk(bench: CameraLoopBench, tmp_path: Path) -> Iterator[HangingDisk]:
    """It hangs with a picture, until the root is opened again."""
    storage = bench.process.storage_holder.storage
    assert storage is not None
    storage.spool.files = disk = HangingDisk(str(tmp_path), ".part")
    yield disk
    disk.released.set()


def release(bench: CameraLoopBench, disk: HangingDisk) -> None:
    """Let the disk answer, and allow it as long as a busy machine needs from now on."""
    disk.released.set()
    bench.process.stills.timeout_s = bench.process.disk_watchdog.timeout_s = PATIENCE_S


def wait_for_hang(bench: CameraLoopBench, disk: HangingDisk) -> dict[str, Any]:
    """The event of the hanging disk, after a check of the disk."""
    assert disk.is_hanging.wait(PATIENCE_S)
    eventually(lambda: bench.process.stills.is_stuck)
    bench.process.disk_monitor.check_disk()
    return bench.wait_for_type("log")


def test_a_hanging_disk_is_reported_and_the_picture_is_saved_when_it_answers(
    bench: CameraLoopBench, disk: HangingDisk
) -> None:
    capture = bench.capture()
    event = wait_for_hang(bench, disk)
    assert event["kind"] == "storage.failed"
    assert event["message"].endswith("0.05 s. Check the disk.")
    release(bench, disk)
    bench.wait_for_type("recovered")
    assert bench.record(capture)["outcome"] == "saved"
    assert bench.outcome(bench.capture())["outcome"] == "saved"


def test_while_a_disk_hangs_a_capture_is_refused_and_leaves_nothing_behind(
    bench: CameraLoopBench, disk: HangingDisk
) -> None:
    bench.capture()
    wait_for_hang(bench, disk)
    refused = bench.wait_for_type("answer", id=bench.capture())
    assert refused["reason"] == "write_error"
    assert refused["unstarted"] is True


def miss_starts(bench: CameraLoopBench) -> None:
    """Until some starts of a session with the cadence CADENCE_S have passed."""
    began = bench.clock.monotonic()
    eventually(lambda: bench.clock.monotonic() > began + 3 * CADENCE_S)


def has_gap(bench: CameraLoopBench, reason: str) -> bool:
    """Whether a gap has this reason. Others may come before it: a busy machine misses starts, too."""
    return any(message["type"] == "spooled" and is_gap(bench, message["id"], reason) for message in bench.link.messages)


def is_gap(bench: CameraLoopBench, record: str, reason: str) -> bool:
    body = bench.record(record)
    return "first_index" in body and body["reason"] == reason


def test_starts_missed_while_the_disk_hung_have_its_reason(bench: CameraLoopBench, disk: HangingDisk) -> None:
    bench.send_command("start", session=bench.desired_session(SESSION, cadence_s=CADENCE_S))
    wait_for_hang(bench, disk)
    miss_starts(bench)
    release(bench, disk)
    eventually(lambda: has_gap(bench, "write_error"))


def test_an_agenda_that_arrives_while_the_disk_hangs_is_stored_once_it_answers(
    bench: CameraLoopBench, disk: HangingDisk
) -> None:
    bench.capture()
    wait_for_hang(bench, disk)
    sent = bench.send_command("configure", agenda=build_agenda([run(0, 60.0, 120.0)]))
    assert bench.wait_for_type("answer", command_id=sent)["reason"] == "write_error"
    assert not (bench.spool / NAME).exists()
    release(bench, disk)
    bench.wait_for_type("recovered")
    assert RUNS[0] in (bench.spool / NAME).read_text()


def test_captures_wait_for_a_disk_that_does_not_write_them_in_time(bench: CameraLoopBench, disk: HangingDisk) -> None:
    captures = [bench.capture() for _ in range(6)]
    assert bench.wait_for_type("log")["kind"] == "storage.failed"
    release(bench, disk)
    bench.wait_for_type("recovered")
    assert [bench.record(capture)["outcome"] for capture in captures] == ["saved"] * 6


@pytest.fixture
def disk_of_the_loop(bench: CameraLoopBench, tmp_path: Path) -> Iterator[HangingDisk]:
    """It hangs with a plan, which the camera loop itself writes."""
    bench.process.disk_watchdog.timeout_s = 0.05
    storage = bench.process.storage_holder.storage
    assert storage is not None
    storage.spool.files = disk = HangingDisk(str(tmp_path), "tmp-", bench.process.disk_watchdog)
    yield disk
    release(bench, disk)


def wait_for_blocked_loop(bench: CameraLoopBench, disk: HangingDisk) -> None:
    """The disk blocks the loop, and it has been checked."""
    assert disk.is_hanging.wait(PATIENCE_S)
    eventually(lambda: bench.process.disk_monitor.is_blocking)
    bench.process.disk_monitor.check_disk()


def test_a_disk_that_blocks_the_loop_is_reported_as_an_event_and_as_the_reason(
    bench: CameraLoopBench, disk_of_the_loop: HangingDisk
) -> None:
    bench.capture()
    wait_for_blocked_loop(bench, disk_of_the_loop)
    event = bench.wait_for_type("log")
    observed = bench.wait_for_type("observed", observed="reconnecting")
    assert event["kind"] == "storage.failed"
    assert observed["code"] == "write_error"
    assert observed["reason"] == event["message"]
    assert "it takes longer than 0.05 s" in event["message"]


def test_a_capture_blocked_by_a_disk_is_saved_once_the_disk_answers(
    bench: CameraLoopBench, disk_of_the_loop: HangingDisk
) -> None:
    capture = bench.capture()
    wait_for_blocked_loop(bench, disk_of_the_loop)
    release(bench, disk_of_the_loop)
    bench.wait_for_type("recovered")
    assert bench.record(capture)["outcome"] == "saved"
    assert bench.outcome(bench.capture())["outcome"] == "saved"
    assert bench.process.reporter.state == "ready"


def test_starts_missed_while_a_disk_blocked_the_loop_have_its_reason(
    bench: CameraLoopBench, disk_of_the_loop: HangingDisk
) -> None:
    bench.send_command("start", session=bench.desired_session(SESSION, cadence_s=CADENCE_S))
    wait_for_blocked_loop(bench, disk_of_the_loop)
    miss_starts(bench)
    release(bench, disk_of_the_loop)
    eventually(lambda: has_gap(bench, "write_error"))
