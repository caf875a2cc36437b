"""The own time of a process, which stands still while it waits for a processor."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from core.times.clocks import SAMPLE_S, ProcessorClock, processor_waits
from tests.harness.kills.faults import stopped
from tests.harness.processes.busy_core import busy_core
from tests.harness.waiting import eventually


class Machine:
    """A monotonic clock and the waits of a process, as the test sets them."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waits: dict[int, float] = {7: 50.0}
        self.clock = ProcessorClock(7, lambda: self.now, lambda pid: dict(self.waits))

    def passes(self, seconds: float, **waits: float) -> float:
        """By how much the process's own time goes on meanwhile; `waits` of its threads, such as `t7`."""
        before = self.clock.now()
        self.now += seconds
        for name, waited in waits.items():
            thread = int(name.removeprefix("t"))
            self.waits[thread] = self.waits.get(thread, 0.0) + waited
        self.clock.sample()
        return self.clock.now() - before


@pytest.mark.parametrize(
    ("waits", "own_s"),
    [
        ({}, 2.0),
        ({"t7": 1.5}, 0.5),
        ({"t7": 0.5, "t8": 1.0}, 1.0),
        ({"t7": 9.0}, 0.0),
    ],
)
def test_the_longest_wait_of_a_thread_does_not_count(waits: dict[str, float], own_s: float) -> None:
    assert Machine().passes(2.0, **waits) == pytest.approx(own_s)


def test_waits_are_read_once_an_interval() -> None:
    machine = Machine()
    assert machine.passes(SAMPLE_S / 2, t7=0.4) == pytest.approx(SAMPLE_S / 2)
    assert machine.passes(SAMPLE_S / 2) == pytest.approx(SAMPLE_S / 2 - 0.4)


def test_a_process_that_has_ended_or_was_never_there_has_no_waits() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert processor_waits(process.pid) == {}


def test_a_process_on_a_busy_core_waits_and_a_stopped_one_does_not() -> None:
    loop = [sys.executable, "-c", "while True: pass"]
    with busy_core() as core, subprocess.Popen(loop) as starved, subprocess.Popen(loop) as hanging:
        os.sched_setaffinity(starved.pid, {core})
        with stopped(hanging.pid):
            before = sum(processor_waits(hanging.pid).values())
            eventually(lambda: sum(processor_waits(starved.pid).values()) > 1.0)
            waited_s = sum(processor_waits(hanging.pid).values()) - before
        starved.kill()
        hanging.kill()
    # It takes part of its last turn with it.
    assert waited_s < 0.1
