"""A step of the wall clock that no synchronisation has confirmed does not count."""

from __future__ import annotations

from pathlib import Path

import pytest

from cameras.runtime.clock import TrustedWall
from cameras.spool.moments import Moment
from tests.harness.camera_processes.agendas import RUNS, AgendaBench, run
from tests.harness.camera_processes.sessions import SessionBench

HOUR = 3600.0
SYNCHRONISED = Moment(1000.0, "boot", 10.0)


@pytest.fixture
def wall() -> TrustedWall:
    """Synchronised at 1000 s."""
    wall = TrustedWall()
    wall.correct(SYNCHRONISED, "synchronised")
    return wall


def test_an_unconfirmed_step_is_left_out(wall: TrustedWall) -> None:
    assert wall.correct(Moment(5000.0, "boot", 12.0), "unsynchronised") == Moment(1002.0, "boot", 12.0)


def test_a_confirmed_step_counts(wall: TrustedWall) -> None:
    assert wall.correct(Moment(5000.0, "boot", 12.0), "synchronised").wall == 5000.0
    assert wall.correct(Moment(9000.0, "boot", 13.0), "unsynchronised").wall == 5001.0


@pytest.mark.parametrize("state", ["unsynchronised", "unknown"])
def test_a_clock_that_was_never_synchronised_is_taken_as_it_is(state: str) -> None:
    assert TrustedWall().correct(Moment(5000.0, "boot", 12.0), state).wall == 5000.0


def test_another_boot_begins_anew(wall: TrustedWall) -> None:
    assert wall.correct(Moment(5000.0, "next boot", 12.0), "unsynchronised").wall == 5000.0


def test_a_step_before_dusk_begins_no_run_early(tmp_path: Path) -> None:
    bench = AgendaBench(tmp_path, run(0, HOUR, HOUR + 600))
    bench.clock.kernel_says = "synchronised"
    bench.due()
    bench.clock.kernel_says = "unsynchronised"
    bench.clock.set_wall(2 * HOUR)
    assert bench.due() is None
    bench.clock.go_on(HOUR)
    assert bench.next().index == 0
    assert bench.states() == [(RUNS[0], "running")]


def test_a_boot_after_a_wrong_step_counts_no_time_twice(tmp_path: Path) -> None:
    """The end of the last capture was stored with the wrong time, the begin of the session with the right one."""
    bench = SessionBench(tmp_path, cadence_s=60.0)
    bench.clock.kernel_says = "unknown"
    bench.apply_desired()
    bench.clock.set_wall(1.5 * HOUR)
    bench.shoot()
    bench.clock.set_wall(-1.5 * HOUR)
    bench.clock.reboot(off_s=300.0)
    bench.start_process()
    assert bench.next().index == 5
