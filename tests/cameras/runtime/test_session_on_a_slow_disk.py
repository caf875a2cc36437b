"""A disk that takes long holds up what is written, and not what is said of the session."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.cameras.runtime.session_bench import SessionBench
from tests.fakes.hanging_disk import PATIENCE_S, HangingDisk

AT_ONCE_S = 2.0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[HangingDisk]:
    """It hangs with a session's file."""
    disk = HangingDisk(str(tmp_path), "session-")
    yield disk
    disk.let_go.set()
    disk.close()


@pytest.fixture
def threads(disk: HangingDisk) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as threads:
        yield threads
        disk.let_go.set()


def test_a_session_is_described_while_its_file_is_not_yet_on_the_disk(
    tmp_path: Path, disk: HangingDisk, threads: ThreadPoolExecutor
) -> None:
    bench = SessionBench(tmp_path, cadence_s=20.0)
    bench.apply_desired()
    plan = bench.plan()
    bench.spool.files = disk
    settled = threads.submit(bench.settle, plan)
    assert disk.met.wait(PATIENCE_S)
    assert threads.submit(lambda: bench.counts).result(AT_ONCE_S) == (0, 0, 0, 0)
    disk.let_go.set()
    settled.result(PATIENCE_S)
    assert bench.counts == (1, 1, 0, 0)
