"""When a busy machine reduces live view and restores it; and the rate limiter of bytes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.live.presets import LOWER_BOTH, LOWER_FPS_ONLY, LOWER_QUALITY, PRESETS, FixedThresholds, LoadShedder
from cameras.live.service import LiveStreamingService
from cameras.live.viewer import RateLimiter
from cameras.supervision.camera_status import CaptureTotals, LastCaptures, StatusBuilder
from cameras.supervision.child import LiveView
from cameras.supervision.ports import Liveness
from cameras.supervision.status_publisher import StatusPublisher, send_live_views


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
def load_shedder(machine: Machine) -> LoadShedder:
    return LoadShedder(
        FixedThresholds(lower_quality=80, lower_fps=95, restore=60, hold_s=5), machine.load, machine.clock
    )


def levels(load_shedder: LoadShedder, machine: Machine, percent: float, seconds: int) -> list[int]:
    machine.percent = percent
    found = []
    for _ in range(seconds):
        machine.now += 1
        load_shedder.update_level()
        found.append(load_shedder.level)
    return found


def test_a_load_that_lasts_lowers_quality_then_fps(load_shedder: LoadShedder, machine: Machine) -> None:
    found = levels(load_shedder, machine, 100, 30)
    assert found[3] == 0
    assert found[-1] == 2
    assert found == sorted(found)
    assert 1 in found


def test_a_load_between_lowers_quality_alone(load_shedder: LoadShedder, machine: Machine) -> None:
    assert set(levels(load_shedder, machine, 88, 60)) == {0, 1}


def test_a_short_load_lowers_nothing(load_shedder: LoadShedder, machine: Machine) -> None:
    assert levels(load_shedder, machine, 100, 4) + levels(load_shedder, machine, 20, 20) == [0] * 24


def test_it_is_restored_one_step_at_a_time_once_the_load_is_well_below(
    load_shedder: LoadShedder, machine: Machine
) -> None:
    levels(load_shedder, machine, 100, 30)
    assert set(levels(load_shedder, machine, 70, 60)) == {2}
    found = levels(load_shedder, machine, 20, 30)
    assert found == sorted(found, reverse=True)
    assert {1, 0} <= set(found)


def test_thresholds_of_0_disable_lowering(machine: Machine) -> None:
    load_shedder = LoadShedder(FixedThresholds(0, 0, 60, 0), machine.load, machine.clock)
    assert set(levels(load_shedder, machine, 100, 20)) == {0}


def test_with_lower_quality_disabled_only_the_frame_rate_is_lowered(machine: Machine) -> None:
    load_shedder = LoadShedder(
        FixedThresholds(lower_quality=0, lower_fps=95, restore=60, hold_s=5), machine.load, machine.clock
    )
    assert set(levels(load_shedder, machine, 100, 30)) == {0, LOWER_FPS_ONLY}
    assert load_shedder.description == "pictures are fewer"
    assert levels(load_shedder, machine, 20, 30)[-1] == 0


def test_pictures_at_a_lowered_frame_rate_keep_their_quality() -> None:
    service = LiveStreamingService()
    service.load_shedder.level = LOWER_FPS_ONLY
    assert [service.served_quality(quality) for quality in PRESETS] == list(PRESETS)


SWITCHED = [
    (FixedThresholds(lower_quality=0, lower_fps=0), 0),
    (FixedThresholds(lower_quality=80, lower_fps=0), LOWER_QUALITY),
    (FixedThresholds(lower_quality=0, lower_fps=95), LOWER_FPS_ONLY),
]


@pytest.mark.parametrize(("limits", "level"), SWITCHED)
def test_a_step_that_is_disabled_is_taken_back_at_once(
    load_shedder: LoadShedder, machine: Machine, limits: FixedThresholds, level: int
) -> None:
    assert levels(load_shedder, machine, 100, 30)[-1] == LOWER_BOTH
    load_shedder.thresholds = limits
    assert set(levels(load_shedder, machine, 100, 30)) == {level}


class Process:
    """A fake `CameraChild` that keeps the messages sent to it."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.live = LiveView()

    def send(self, message: dict[str, Any]) -> bool:
        self.sent.append(message)
        return True


def test_a_busy_host_lowers_its_cameras_and_reports_it_in_their_status(machine: Machine) -> None:
    limits, process = FixedThresholds(lower_quality=80, lower_fps=0, hold_s=0), Process()
    snapshots = cast(Any, SimpleNamespace(snapshot=SimpleNamespace(live=SimpleNamespace(cpu_thresholds=limits))))
    load_shedder = LoadShedder(limits, machine.load, machine.clock)
    desired = SimpleNamespace(slug="sky", presets={})
    slots = {"sky": cast(Any, SimpleNamespace(desired=desired, child=process))}
    statuses = StatusBuilder(slots, LastCaptures(), CaptureTotals(), load_shedder, lambda slot: [])
    publisher = StatusPublisher("main", slots, statuses, snapshots, load_shedder, [Liveness()])
    machine.percent = 100
    [publisher.check_load() for _ in range(5)]
    send_live_views(slots, {"sky": ("low",)}, load_shedder.level, {"sky": "unix:///sock"})
    expected = {"type": "live", "qualities": ("low",), "lowered": 1, "presets": {}, "redis_url": "unix:///sock"}
    assert process.sent == [expected]
    assert statuses.lowered.startswith("The camera host is busy (9")


@given(sizes=st.lists(st.integers(1, 500_000), min_size=5, max_size=60), kbit_s=st.integers(100, 50_000))
def test_a_rate_is_not_exceeded_by_more_than_its_burst_and_one_picture(sizes: list[int], kbit_s: int) -> None:
    machine = Machine()
    rate_limiter = RateLimiter(kbit_s, machine.clock)
    for size in sizes:
        machine.now += rate_limiter.wait_s()
        assert rate_limiter.wait_s() < 1e-6
        rate_limiter.consume(size)
    assert sum(sizes) <= kbit_s * 125 * (machine.now + 0.5) + max(sizes) + 1


def test_without_a_limit_nothing_waits() -> None:
    rate_limiter = RateLimiter()
    rate_limiter.consume(10**9)
    assert rate_limiter.wait_s() == 0
