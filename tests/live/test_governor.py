"""When a busy machine gives less live view, and when all again; and how a budget of bytes runs out."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.live.budget import Budget
from cameras.live.governor import FPS, FPS_ALONE, QUALITY, Governor, Limits
from cameras.live.presets import PRESETS
from cameras.live.service import LiveStreamingService
from cameras.supervision.child import LiveView
from cameras.supervision.supervisor import Supervisor


class Machine:
    def __init__(self) -> None:
        self.now, self.percent = 0.0, 10.0

    def clock(self) -> float:
        return self.now

    def load(self) -> float:
        return self.percent


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def governor(machine: Machine) -> Governor:
    return Governor(Limits(lower_quality=80, lower_fps=95, restore=60, hold_s=5), machine.load, machine.clock)


def levels(governor: Governor, machine: Machine, percent: float, seconds: int) -> list[int]:
    machine.percent = percent
    found = []
    for _ in range(seconds):
        machine.now += 1
        governor.look()
        found.append(governor.level)
    return found


def test_a_load_that_lasts_lowers_quality_then_fps(governor: Governor, machine: Machine) -> None:
    found = levels(governor, machine, 100, 30)
    assert (found[3], found[-1]) == (0, 2)
    assert found == sorted(found)
    assert 1 in found


def test_a_load_between_lowers_quality_alone(governor: Governor, machine: Machine) -> None:
    assert set(levels(governor, machine, 88, 60)) == {0, 1}


def test_a_short_load_lowers_nothing(governor: Governor, machine: Machine) -> None:
    assert levels(governor, machine, 100, 4) + levels(governor, machine, 20, 20) == [0] * 24


def test_it_is_restored_one_step_at_a_time_once_the_load_is_well_below(governor: Governor, machine: Machine) -> None:
    levels(governor, machine, 100, 30)
    assert set(levels(governor, machine, 70, 60)) == {2}
    found = levels(governor, machine, 20, 30)
    assert found == sorted(found, reverse=True)
    assert {1, 0} <= set(found)


def test_with_thresholds_of_0_nothing_is_ever_lowered(machine: Machine) -> None:
    governor = Governor(Limits(0, 0, 60, 0), machine.load, machine.clock)
    assert set(levels(governor, machine, 100, 20)) == {0}


def test_where_quality_is_never_lowered_pictures_become_fewer_alone(machine: Machine) -> None:
    governor = Governor(Limits(lower_quality=0, lower_fps=95, restore=60, hold_s=5), machine.load, machine.clock)
    assert set(levels(governor, machine, 100, 30)) == {0, FPS_ALONE}
    assert governor.what == "pictures are fewer"
    assert levels(governor, machine, 20, 30)[-1] == 0


def test_pictures_that_are_fewer_alone_keep_their_quality() -> None:
    service = LiveStreamingService()
    service.governor.level = FPS_ALONE
    assert [service.served(quality) for quality in PRESETS] == list(PRESETS)


SWITCHED = [
    (Limits(lower_quality=0, lower_fps=0), 0),
    (Limits(lower_quality=80, lower_fps=0), QUALITY),
    (Limits(lower_quality=0, lower_fps=95), FPS_ALONE),
]


@pytest.mark.parametrize(("limits", "level"), SWITCHED)
def test_what_is_switched_to_never_is_taken_back_at_once(
    governor: Governor, machine: Machine, limits: Limits, level: int
) -> None:
    assert levels(governor, machine, 100, 30)[-1] == FPS
    governor.thresholds = limits
    assert set(levels(governor, machine, 100, 30)) == {level}


class Process:
    """A camera's process, as the Supervisor's end of the link has it."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.live = LiveView()

    def send(self, message: dict[str, Any]) -> bool:
        self.heard.append(message)
        return True


def test_a_busy_host_tells_its_cameras_and_says_so_in_their_status(machine: Machine) -> None:
    supervisor, process = Supervisor(), Process()
    status_publisher = supervisor.status_publisher
    limits = Limits(lower_quality=80, lower_fps=0, hold_s=0)
    supervisor.database.snapshot = replace(supervisor.database.snapshot, live=SimpleNamespace(cpu_thresholds=limits))
    status_publisher.governor = Governor(limits, machine.load, machine.clock)
    desired = SimpleNamespace(slug="sky", presets={})
    supervisor.slots = {"sky": cast(Any, SimpleNamespace(desired=desired, child=process))}
    machine.percent = 100
    [status_publisher._check_load() for _ in range(5)]
    supervisor.update_live_view({"sky": ("low",)}, status_publisher.governor.level, {"sky": "unix:///sock"})
    told = {"type": "live", "qualities": ("low",), "lowered": 1, "presets": {}, "redis_url": "unix:///sock"}
    assert process.heard == [told]
    assert status_publisher.lowered.startswith("The camera host is busy (9")


@given(sizes=st.lists(st.integers(1, 500_000), min_size=5, max_size=60), kbit_s=st.integers(100, 50_000))
def test_a_budget_is_not_exceeded_by_more_than_its_burst_and_one_picture(sizes: list[int], kbit_s: int) -> None:
    machine = Machine()
    budget = Budget(kbit_s, machine.clock)
    for size in sizes:
        machine.now += budget.wait_s()
        assert budget.wait_s() < 1e-6
        budget.spend(size)
    assert sum(sizes) <= kbit_s * 125 * (machine.now + 0.5) + max(sizes) + 1


def test_without_a_limit_nothing_waits() -> None:
    budget = Budget()
    budget.spend(10**9)
    assert budget.wait_s() == 0
