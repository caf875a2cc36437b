"""Whether the wall clock is right, and whether it was set."""

from __future__ import annotations

import pytest

from cameras.runtime.clock import CameraClock, ClockMonitor, describe_jump
from core.times.clocks import KernelClock, clock_state, read_kernel_clock
from tests.harness.clocks.camera_clock import SetClock


class KernelOf(SetClock):
    """A clock whose kernel reports `kernel`."""

    def __init__(self, kernel: KernelClock) -> None:
        super().__init__()
        self.kernel = kernel

    def kernel_clock(self) -> KernelClock:
        return self.kernel

    def synchronisation(self) -> str:
        return self.kernel.state


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.mark.parametrize("by_s", [3600.0, -86_400.0, 0.15])
def test_a_step_is_reported_once(clock: SetClock, by_s: float) -> None:
    monitor = ClockMonitor(clock)
    clock.go_on(10.0)
    clock.set_wall(by_s)
    assert monitor.read_state()["clock_jumped_s"] == pytest.approx(by_s)
    assert monitor.read_state()["clock_jumped_s"] == 0.0


def test_time_that_passes_is_no_step(clock: SetClock) -> None:
    monitor = ClockMonitor(clock)
    clock.go_on(100_000.0)
    assert monitor.read_state()["clock_jumped_s"] == 0.0


def test_the_clock_of_this_machine_is_not_set_between_two_readings() -> None:
    monitor = ClockMonitor(CameraClock())
    assert [monitor.read_state()["clock_jumped_s"] for _ in range(200)] == [0.0] * 200


def test_offset_and_error_are_those_of_the_kernel() -> None:
    found = ClockMonitor(KernelOf(KernelClock("synchronised", 0.00012, 0.002))).read_state()
    assert (found["clock"], found["clock_offset_s"], found["clock_error_s"]) == ("synchronised", 0.00012, 0.002)


@pytest.mark.parametrize("state", ["unsynchronised", "unknown"])
def test_of_a_clock_that_is_not_synchronised_nothing_else_is_claimed(state: str) -> None:
    found = ClockMonitor(KernelOf(KernelClock(state, 0.5, 0.5))).read_state()
    assert (found["clock"], found["clock_offset_s"], found["clock_error_s"]) == (state, None, None)


def test_the_kernel_of_this_machine_is_read() -> None:
    found = read_kernel_clock()
    assert found.state == clock_state()
    assert found.offset_s is None or abs(found.offset_s) < 1
    assert found.error_s is None or 0 < found.error_s < 100


def test_a_step_is_a_sentence(clock: SetClock) -> None:
    monitor = ClockMonitor(clock)
    assert describe_jump(monitor.read_state()) == ""
    clock.set_wall(2.5)
    assert describe_jump(monitor.read_state()).startswith("The station's clock was set by +2.500 s since")
