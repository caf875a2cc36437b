"""Counters over the restarts of a worker: kills, power cuts, damaged files, and disks that are full or broken."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cameras.spool.durable import Files, RootFiles
from cameras.supervision.process_counters import BLOCK_BYTES, Count, CounterFiles, StoredCounters
from core.periodic.thread import PeriodicThread, stop_together
from tests.harness.disks.memory_files import Killed, MemoryFiles
from tests.harness.disks.small_disk import SmallDisk
from tests.harness.supervision.hosts import Events
from tests.harness.waiting import PATIENCE_S, eventually

FRAMES = Count("frames", "sky")
ALERT = "metrics.counters:main"


class Worker:
    """A worker that counts frames and stores its counters in these files."""

    def __init__(self, files: Files) -> None:
        self.frames, self.events = 0, Events()
        self.counters = StoredCounters("main", lambda: files, [lambda: {FRAMES: self.frames}], self.events)

    def shown(self) -> int | None:
        totals = self.counters.totals()
        return None if totals is None else totals[FRAMES]

    def deliver(self, frames: int) -> None:
        self.frames += frames
        self.counters.store()


def kill_after(steps: int, kept: float) -> tuple[int, int, int]:
    """Frames that a worker showed before it was killed after `steps` calls of the disk and the power was cut, frames
    that the next one shows, and frames that were delivered. `kept` is the share of the unsynced changes that the disk
    keeps."""
    files = MemoryFiles()
    files.kill_at = steps
    worker = Worker(files)
    with suppress(Killed):
        for _ in range(6):
            worker.deliver(10)
    files.kill_at = None
    files.power_cut(kept)
    following = Worker(files)
    following.counters.store()
    return worker.shown() or 0, following.shown() or 0, worker.frames


@pytest.mark.parametrize("kept", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("steps", range(1, 22))
def test_no_kill_and_no_power_cut_makes_a_counter_smaller(steps: int, kept: float) -> None:
    before, after, delivered = kill_after(steps, kept)
    assert before <= after <= delivered


def test_the_kills_reach_beyond_the_last_write() -> None:
    assert kill_after(20, 1.0)[0] == 50
    assert kill_after(21, 1.0)[0] == 60


def test_a_counter_goes_on_in_the_next_worker(tmp_path: Path) -> None:
    Worker(RootFiles(str(tmp_path))).deliver(100)
    following = Worker(RootFiles(str(tmp_path)))
    assert following.shown() is None
    following.deliver(0)
    assert following.shown() == 100
    following.deliver(7)
    assert following.shown() == 107


@pytest.mark.parametrize("content", [b"", b"\0" * BLOCK_BYTES, b"zz [1, []]\n", b"00000000 [9, []]\n", b"\xff\n"])
def test_a_damaged_file_leaves_the_counters_of_the_other(content: bytes, tmp_path: Path) -> None:
    worker = Worker(RootFiles(str(tmp_path)))
    worker.deliver(10)
    worker.deliver(10)
    (tmp_path / "counters-main.0").write_bytes(content)
    following = Worker(RootFiles(str(tmp_path)))
    following.deliver(0)
    assert following.shown() == 10


def test_files_that_become_too_small_are_replaced(tmp_path: Path) -> None:
    files = CounterFiles(RootFiles(str(tmp_path)), "counters-main")
    many = {Count("encoded", f"camera-{number}", "high"): number for number in range(1000)}
    for totals in ({FRAMES: 1}, {FRAMES: 2}, many, many | {FRAMES: 3}):
        files.write(totals)
    assert CounterFiles(RootFiles(str(tmp_path)), "counters-main").read() == many | {FRAMES: 3}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    disk = SmallDisk(tmp_path)
    yield disk
    disk.close()


def test_counters_are_stored_on_a_full_disk(disk: SmallDisk) -> None:
    worker = Worker(RootFiles(str(disk.path)))
    worker.deliver(1)
    worker.deliver(1)
    disk.fill()
    worker.deliver(10)
    assert worker.shown() == 12
    assert CounterFiles(RootFiles(str(disk.path)), "counters-main").read() == {FRAMES: 12}


class FailingFiles(RootFiles):
    """A disk that refuses to be written to while `fails`."""

    fails = False
    refused = 0

    def overwrite(self, folder: str, name: str, content: bytes) -> None:
        if self.fails:
            self.refused += 1
            raise OSError(errno.EROFS, "Read-only file system")
        super().overwrite(folder, name, content)


def test_counters_stand_still_while_they_cannot_be_stored_and_lose_nothing(tmp_path: Path) -> None:
    files = FailingFiles(str(tmp_path))
    worker = Worker(files)
    worker.deliver(10)
    files.fails = True
    with pytest.raises(OSError, match="Read-only"):
        worker.deliver(5)
    assert worker.shown() == 10
    files.fails = False
    worker.deliver(1)
    assert worker.shown() == 16


@pytest.fixture
def started() -> Iterator[Any]:
    """Starts the thread of a worker's counters."""
    threads: list[PeriodicThread] = []

    def start(worker: Worker) -> Worker:
        store, report = worker.counters.store, worker.counters.report_failure
        threads.append(PeriodicThread("stored-counters", store, interval_s=0.01, at_end=store, on_error=report))
        threads[-1].start()
        return worker

    yield start
    stop_together(threads, PATIENCE_S)


def test_a_disk_that_cannot_be_written_raises_one_alert_until_it_can(tmp_path: Path, started: Any) -> None:
    files = FailingFiles(str(tmp_path))
    files.fails = True
    worker = started(Worker(files))
    eventually(lambda: files.refused >= 2)
    assert worker.events.open_alerts == [ALERT]
    files.fails = False
    eventually(lambda: worker.events.open_alerts == [])
