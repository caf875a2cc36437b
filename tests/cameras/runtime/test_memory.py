"""Freed memory does not stay with the C library."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import psutil
import pytest

from cameras.runtime.memory import BUSY_S, QUIET_S, MemoryReleaser, release_freed_memory
from tests.harness.camera_processes.camera_process import AS_AT_A_STATION, CameraProcess
from tests.harness.clocks.clock import SteppingClock
from tests.harness.waiting import eventually

BLOCK, BLOCKS = 16_384, 4000
"""64 MB in blocks that are small enough to come from the heap."""


def resident() -> int:
    return int(psutil.Process().memory_info().rss)


def test_memory_freed_below_memory_in_use_is_returned_to_the_system() -> None:
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    blocks = [libc.malloc(BLOCK) for _ in range(BLOCKS)]
    [ctypes.memset(block, 1, BLOCK) for block in blocks]
    [libc.free(block) for block in blocks[:-1]]
    before = resident()
    release_freed_memory()
    libc.free(blocks[-1])
    assert before - resident() > BLOCK * BLOCKS / 2


class Reports:
    """The reports of a camera each second, and when memory was released."""

    def __init__(self) -> None:
        self.clock, self.frames, self.released = SteppingClock(), 0, list[float]()
        self._began = self.clock.monotonic()
        self._releaser = MemoryReleaser(lambda: self.released.append(self.elapsed_s), self.clock.monotonic)

    @property
    def elapsed_s(self) -> float:
        return self.clock.monotonic() - self._began

    def report(self, seconds: float, frames: int = 0) -> None:
        for _ in range(round(seconds)):
            self.clock.advance(1.0)
            self.frames += frames
            report: Any = {"frames": self.frames, "last_capture": None, "session": None}
            self._releaser.note_report(report)


def test_memory_is_released_once_after_the_last_frame() -> None:
    reports = Reports()
    reports.report(2, frames=15)
    reports.report(60)
    assert reports.released == [2 + QUIET_S]


def test_memory_is_released_now_and_then_while_frames_come() -> None:
    reports = Reports()
    reports.report(2 * BUSY_S + 1, frames=15)
    assert reports.released == [BUSY_S, 2 * BUSY_S]


def private_mb(process: CameraProcess) -> float:
    return float(psutil.Process(process.process.pid).memory_full_info().uss) / 1e6


@pytest.mark.slow
def test_a_camera_gives_memory_back_after_its_session(tmp_path: Path) -> None:
    with CameraProcess(tmp_path, **AS_AT_A_STATION, settings={"scene": "sky"}) as process:
        process.wait_for_type("observed", observed="ready")
        process.start_session("0193a000-0000-7000-8000-000000000003", delay_s=0, count=20)
        process.wait_for_state(lambda state: not state["session"] and state["last_capture"])
        before = private_mb(process)
        eventually(lambda: private_mb(process) < before - 5, "memory is given back")
