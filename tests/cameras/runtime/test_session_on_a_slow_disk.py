"""A slow disk delays what is written, but not the reported state of the session."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.harness.camera_processes.sessions import Counts, SessionBench
from tests.harness.disks.hanging_disk import HangingDisk
from tests.harness.waiting import PATIENCE_S


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[HangingDisk]:
    """It hangs with the file of a session."""
    disk = HangingDisk(str(tmp_path), "session-")
    yield disk
    disk.released.set()
    disk.close()


@pytest.fixture
def threads(disk: HangingDisk) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as threads:
        yield threads
        disk.released.set()


def test_a_session_can_be_described_while_its_file_is_being_written(
    tmp_path: Path, disk: HangingDisk, threads: ThreadPoolExecutor
) -> None:
    bench = SessionBench(tmp_path, cadence_s=20.0)
    bench.apply_desired()
    plan = bench.plan()
    bench.spool.files = disk
    settled = threads.submit(bench.settle, plan)
    assert disk.is_hanging.wait(PATIENCE_S)
    assert threads.submit(lambda: bench.counts).result(PATIENCE_S) == Counts(planned=0, saved=0)
    assert not settled.done()
    disk.released.set()
    settled.result(PATIENCE_S)
    assert bench.counts == Counts(planned=1, saved=1)
