"""The Supervisor's end of the link to a camera process."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from cameras.child_environment import scrubbed_environment
from cameras.supervision.child import FINISH_S, CameraChild
from core.processes import exit_reason
from core.times.clocks import ProcessorClock
from tests.harness.waiting import PATIENCE_S


@pytest.fixture
def stopped() -> Iterator[CameraChild]:
    """A camera process that reads nothing."""
    spec: Any = {"slug": "sim", "settings": {}, "session": None, "recording": None, "site": {}}
    child = CameraChild(spec, scrubbed_environment(), lambda _child, _message: None)
    os.kill(child.process.pid, signal.SIGSTOP)
    yield child
    child.kill()
    child.wait(PATIENCE_S)
    child.finish()


def test_a_process_that_reads_nothing_does_not_block_its_supervisor(stopped: CameraChild) -> None:
    sent = [stopped.send({"type": "capture", "id": str(number), "note": "x" * 1000}) for number in range(3000)]
    assert sent[0] is True
    assert sent[-1] is False


@pytest.mark.parametrize(("waited_s", "late"), [(0.0, True), (1.5, False)])
def test_a_process_that_ends_is_late_by_its_own_time(stopped: CameraChild, waited_s: float, late: bool) -> None:
    now, waits = [100.0], {7: 0.0}
    stopped.clock = ProcessorClock(7, lambda: now[0], lambda pid: dict(waits))
    stopped.finish()
    now[0], waits[7] = now[0] + FINISH_S + 1, waited_s
    assert stopped.is_late is late


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (-signal.SIGSEGV, "killed by SIGSEGV"),
        (-(signal.SIGRTMIN + 1), f"killed by signal {signal.SIGRTMIN + 1}"),
        (3, "exited with status 3"),
    ],
)
def test_every_exit_status_has_its_reason(status: int, reason: str) -> None:
    assert exit_reason(status) == reason
