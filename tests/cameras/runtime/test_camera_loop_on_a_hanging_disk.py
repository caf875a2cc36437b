"""A disk that hangs: it is told, nothing is written twice, and what was exposed is saved when it answers again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cameras.runtime.camera_loop_bench import CameraLoopBench
from tests.fakes.hanging_disk import PATIENCE_S, HangingDisk

SESSION = "0193a000-0000-7000-8000-000000000003"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[CameraLoopBench]:
    with CameraLoopBench(tmp_path) as bench:
        bench.until_type("observed", observed="ready")
        bench.loop.exposure_runner.queue.timeout_s = 0.05
        yield bench


@pytest.fixture
def disk(bench: CameraLoopBench, tmp_path: Path) -> Iterator[HangingDisk]:
    """It hangs with a picture, until the root is opened anew."""
    storage = bench.loop.storage_holder.storage
    assert storage is not None
    storage.spool.files = disk = HangingDisk(str(tmp_path), ".part")
    yield disk
    disk.let_go.set()


def hangs(bench: CameraLoopBench, disk: HangingDisk) -> dict[str, Any]:
    """What is told of it, as soon as somebody looks."""
    assert disk.met.wait(PATIENCE_S)
    bench.wait_for(lambda: bench.loop.exposure_runner.queue.is_stuck)
    bench.loop.check_disk()
    return bench.until_type("log")


def test_a_disk_that_hangs_is_told_and_the_picture_is_saved_when_it_answers(
    bench: CameraLoopBench, disk: HangingDisk
) -> None:
    capture = bench.capture()
    told = hangs(bench, disk)
    assert (told["kind"], told["message"].endswith("0.05 s. Check the disk.")) == ("storage.failed", True)
    disk.let_go.set()
    bench.until_type("recovered")
    assert [bench.record(capture)["outcome"], bench.outcome(bench.capture())["outcome"]] == ["saved", "saved"]


def test_while_a_disk_hangs_a_capture_is_refused_and_leaves_nothing_behind(
    bench: CameraLoopBench, disk: HangingDisk
) -> None:
    bench.capture()
    hangs(bench, disk)
    refused = bench.until_type("answer", id=bench.capture())
    assert (refused["reason"], refused["unstarted"]) == ("write_error", True)


def test_what_a_session_missed_while_the_disk_hung_has_its_reason(bench: CameraLoopBench, disk: HangingDisk) -> None:
    bench.send_command("start", session=bench.desired_session(SESSION, cadence_s=0.3))
    hangs(bench, disk)
    began = bench.clock.monotonic()
    bench.wait_for(lambda: bench.clock.monotonic() > began + 1)
    disk.let_go.set()
    assert bench.until_gap()["reason"] == "write_error"


def test_captures_that_a_disk_does_not_take_in_time_wait_for_it(bench: CameraLoopBench, disk: HangingDisk) -> None:
    captures = [bench.capture() for _ in range(6)]
    assert bench.until_type("log")["kind"] == "storage.failed"
    disk.let_go.set()
    bench.until_type("recovered")
    assert [bench.record(capture)["outcome"] for capture in captures] == ["saved"] * 6


@pytest.fixture
def disk_of_the_loop(bench: CameraLoopBench, tmp_path: Path) -> Iterator[HangingDisk]:
    """It hangs with a plan, which the owner's own thread writes."""
    bench.loop.disk_watchdog.timeout_s = 0.05
    storage = bench.loop.storage_holder.storage
    assert storage is not None
    storage.spool.files = disk = HangingDisk(str(tmp_path), "tmp-", bench.loop.disk_watchdog)
    yield disk
    disk.let_go.set()


def blocks_the_loop(bench: CameraLoopBench, disk: HangingDisk) -> None:
    """And somebody has looked."""
    assert disk.met.wait(PATIENCE_S)
    bench.wait_for(lambda: bench.loop.disk_watchdog.is_blocking(bench.loop._thread))
    bench.loop.check_disk()


def test_a_disk_that_blocks_the_loop_is_told_as_an_event_and_as_the_reason(
    bench: CameraLoopBench, disk_of_the_loop: HangingDisk
) -> None:
    bench.capture()
    blocks_the_loop(bench, disk_of_the_loop)
    told = bench.until_type("log")
    observed = bench.until_type("observed", observed="reconnecting")
    assert (told["kind"], observed["code"], observed["reason"]) == ("storage.failed", "write_error", told["message"])
    assert "it takes longer than 0.05 s" in told["message"]


def test_what_a_disk_kept_the_owner_from_is_done_once_it_answers(
    bench: CameraLoopBench, disk_of_the_loop: HangingDisk
) -> None:
    capture = bench.capture()
    blocks_the_loop(bench, disk_of_the_loop)
    disk_of_the_loop.let_go.set()
    bench.until_type("recovered")
    assert [bench.record(capture)["outcome"], bench.outcome(bench.capture())["outcome"]] == ["saved", "saved"]
    assert bench.loop.reporter.state == "ready"


def test_what_a_session_missed_while_a_disk_kept_the_owner_has_its_reason(
    bench: CameraLoopBench, disk_of_the_loop: HangingDisk
) -> None:
    bench.send_command("start", session=bench.desired_session(SESSION, cadence_s=0.3))
    blocks_the_loop(bench, disk_of_the_loop)
    began = bench.clock.monotonic()
    bench.wait_for(lambda: bench.clock.monotonic() > began + 1)
    disk_of_the_loop.let_go.set()
    assert bench.until_gap()["reason"] == "write_error"
