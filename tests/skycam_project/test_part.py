"""A part as the launcher supervises it, with a small program in its place."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.heartbeat import FD_VARIABLE
from skycam_project.config import load_config
from skycam_project.launch.forks import ForkServer
from skycam_project.launch.log_stream import LogStream
from skycam_project.launch.part import Part, State, Timings
from skycam_project.launch.parts import PARTS, PartKind, Plan
from skycam_project.launch.restart_journal import RestartJournal
from tests.harness.waiting import PATIENCE_S, eventually_in_loop

TIMINGS = Timings(start_s=PATIENCE_S, stop_s=0.5, crash_loop_exits=1, healthy_s=0.1)
PROGRAM = f"""
import os, signal, sys
os.read(int(sys.argv[1]), 1)
os.write(int(os.environ[{FD_VARIABLE!r}]), b".")
signal.pause()
"""
"""It has started once it has read a byte."""


class Supervised:
    """A part that runs. `let_start()` lets one start of its program end."""

    def __init__(self, part: Part, starts: int) -> None:
        self.part, self._starts = part, starts

    def let_start(self) -> None:
        os.write(self._starts, b".")

    async def pid_of_run(self, run: int) -> int:
        child = await eventually_in_loop(lambda: self.part.runs == run and self.part.child)
        return int(child.pid)


@pytest.fixture
async def supervised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Supervised]:
    monkeypatch.setenv("SKYCAM_DATA", str(tmp_path))
    plan = Plan(load_config(), dict(os.environ))
    reading, writing = os.pipe()
    words = [sys.executable, "-c", PROGRAM, str(reading)]
    monkeypatch.setitem(PARTS, "small", PartKind(lambda _: words, is_forked=False, inherited_fds=lambda _: [reading]))
    stream = LogStream(plan.config.logging)
    forks = ForkServer({}, print, print, PATIENCE_S)
    part = Part("small", plan, forks, TIMINGS, stream, RestartJournal(tmp_path))
    running = asyncio.create_task(part.run_until_stopped())
    yield Supervised(part, writing)
    part.stop()
    await running
    stream.file.close()
    os.close(reading)
    os.close(writing)


async def test_a_restarted_part_that_is_slow_to_start_is_not_killed_for_its_former_run(supervised: Supervised) -> None:
    supervised.let_start()
    await supervised.part.wait_until_running()
    restart = asyncio.create_task(supervised.part.restart())
    second = await supervised.pid_of_run(2)
    # Later than the kill of a former run that does not end, which `restart` has scheduled before.
    asyncio.get_running_loop().call_later(TIMINGS.stop_s, supervised.let_start)
    row = await restart
    assert (row["pid"], row["restarts"]) == (second, 1)


async def test_a_part_that_is_tried_is_in_its_crash_loop_until_it_is_healthy(supervised: Supervised) -> None:
    part = supervised.part
    part.ends_station = False
    supervised.let_start()
    await part.wait_until_running()
    assert not part.row()["in_crash_loop"]
    part.kill()
    await part.wait_until(lambda: part.state is State.CRASH_LOOP)
    assert part.row()["in_crash_loop"]
    trying = asyncio.create_task(part.restart())
    await supervised.pid_of_run(2)
    assert (part.row()["state"], part.row()["in_crash_loop"]) == ("starting", True)
    supervised.let_start()
    await trying
    await eventually_in_loop(lambda: not part.row()["in_crash_loop"], "it is healthy")
