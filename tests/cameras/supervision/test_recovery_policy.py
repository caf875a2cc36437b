"""Which step is taken for a camera that does not deliver, and when its process may restart."""

from __future__ import annotations

import pytest

from cameras.runtime.device_timing import OPEN_S
from cameras.supervision.recovery_policy import SILENCE_S, RecoveryPolicy, RestartSchedule
from core.limits.repeats import MAX_PAUSE_S, BackOff


def steps_at(policy: RecoveryPolicy, overdue_s: float, silent_s: float, times: list[float]) -> list[str | None]:
    return [policy.next_step(now, overdue_s, silent_s) for now in times]


def test_a_camera_in_time_is_left_alone() -> None:
    assert steps_at(RecoveryPolicy(), 0.0, 1.2, [0.0, 1.0, 2.0, 60.0]) == [None] * 4


def test_an_overdue_camera_is_aborted_reopened_and_killed_two_seconds_apart() -> None:
    steps = steps_at(RecoveryPolicy(), 1.0, 0.0, [10.0, 10.1, 11.9, 12.0, 13.9, 14.0, 20.0])
    assert steps == ["abort", None, None, "reconnect", None, "kill", None]


def test_a_silent_process_gets_the_same_steps() -> None:
    assert steps_at(RecoveryPolicy(), 0.0, SILENCE_S + 0.1, [0.0, 2.0, 4.0]) == ["abort", "reconnect", "kill"]


def test_a_camera_that_came_back_starts_again_with_the_first_step() -> None:
    policy = RecoveryPolicy()
    steps_at(policy, 1.0, 0.0, [0.0, 2.0])
    policy.next_step(3.0, 0.0, 0.0)
    assert steps_at(policy, 1.0, 0.0, [10.0, 12.0]) == ["abort", "reconnect"]


def test_the_first_restart_is_at_once() -> None:
    restarts = RestartSchedule()
    restarts.record_start(0.0, 0.0)
    restarts.record_exit(100.0, 100.0, "killed")
    assert restarts.not_before == 100.0


def test_later_restarts_wait_from_one_second_to_a_minute_with_jitter() -> None:
    restarts = RestartSchedule(BackOff(crash_loop_exits=99))
    pauses = [round(pause) for pause in (ended(restarts, now=float(now)) for now in range(10))]
    expected = [0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert pauses == [pytest.approx(wanted, abs=0.5, rel=0.25) for wanted in expected]
    assert max(pauses) <= MAX_PAUSE_S * 1.2


def ended(restarts: RestartSchedule, now: float) -> float:
    restarts.record_start(now, now)
    restarts.record_exit(now, now, "killed")
    return restarts.not_before - now


def test_thirty_healthy_seconds_reset_the_pause() -> None:
    restarts = RestartSchedule(BackOff(crash_loop_exits=99))
    pauses = [ended(restarts, now=float(now)) for now in range(5)]
    restarts.record_start(100.0, 100.0)
    restarts.record_exit(130.0, 130.0, "killed")
    assert pauses[-1] > 5
    assert restarts.not_before == 130.0


@pytest.mark.parametrize(("lived_s", "loop"), [(9.9, [False, False, False, False, True]), (10.1, [False] * 5)])
def test_five_exits_within_ten_seconds_of_a_start_each_are_a_crash_loop(lived_s: float, loop: list[bool]) -> None:
    restarts = RestartSchedule()

    def life(start: float) -> bool:
        restarts.record_start(start, start)
        return restarts.record_exit(start + lived_s, start + lived_s, "crashed")

    assert [life(start) for start in (0.0, 20.0, 40.0, 60.0, 80.0)] == loop


def test_processes_killed_by_the_ladder_before_a_picture_are_failures_after_any_lifetime() -> None:
    restarts = RestartSchedule(BackOff(crash_loop_exits=3))

    def life(start: float) -> bool:
        restarts.record_start(start, start)
        return restarts.record_exit(start + 40.0, start + 40.0, "hung", fruitless=True)

    assert [(life(start), restarts.tries_left) for start in (0.0, 60.0, 120.0)] == [(False, 2), (False, 1), (True, 0)]


def test_an_unused_camera_that_hangs_once_a_night_is_not_in_a_crash_loop() -> None:
    restarts = RestartSchedule(BackOff(crash_loop_exits=3))
    night_s = 86_400.0

    def hung_after(start: float) -> bool:
        restarts.record_start(start, start)
        return restarts.record_exit(start + night_s, start + night_s, "hung", fruitless=True)

    assert [hung_after(number * night_s) for number in range(5)] == [False] * 5


def test_one_long_life_between_crashes_is_no_crash_loop() -> None:
    restarts = RestartSchedule(BackOff(crash_loop_exits=3))
    ended(restarts, 0.0)
    ended(restarts, 1.0)
    restarts.record_start(2.0, 2.0)
    restarts.record_exit(22.0, 22.0, "killed")
    restarts.record_start(23.0, 23.0)
    assert restarts.record_exit(23.5, 23.5, "killed") is False


def test_a_retry_by_a_person_starts_at_once() -> None:
    restarts = RestartSchedule()
    pauses = [ended(restarts, now=float(now)) for now in range(4)]
    restarts.reset()
    assert pauses[-1] > 1
    assert restarts.not_before == 0.0
    assert ended(restarts, 50.0) == 0.0


def test_a_process_that_starts_may_be_silent_while_its_camera_could_be_opened() -> None:
    policy = RecoveryPolicy()
    assert policy.next_step(0.0, 0.0, OPEN_S - 0.1, starts=True) is None
    assert policy.next_step(0.0, 0.0, OPEN_S + 0.1, starts=True) == "abort"


def lives(restarts: RestartSchedule, number: int, idle_cores: float, lived_s: float = 1.0) -> list[bool]:
    """Short lives, one after the other, on a machine with this number of idle cores: whether each made a crash loop."""

    def life(start: float) -> bool:
        restarts.record_start(start, idle_cores * start)
        return restarts.record_exit(start + lived_s, idle_cores * (start + lived_s), "crashed")

    return [life(float(start)) for start in range(0, 100 * number, 100)]


@pytest.mark.parametrize(
    ("idle_cores", "loops"),
    [
        (4.0, [False, False, True]),
        (0.1, [False, False, True]),
        (0.01, [False, False, False]),
        (0.0, [False, False, False]),
    ],
)
def test_an_exit_counts_towards_quarantine_when_the_machine_had_an_idle_core(
    idle_cores: float, loops: list[bool]
) -> None:
    assert lives(RestartSchedule(BackOff(crash_loop_exits=3)), 3, idle_cores) == loops


def test_no_number_of_exits_on_a_machine_without_an_idle_core_is_a_crash_loop_and_their_pauses_grow() -> None:
    restarts = RestartSchedule(BackOff(crash_loop_exits=3))
    assert not any(lives(restarts, 50, idle_cores=0.0))
    assert restarts.excused is True
    assert restarts.not_before - 4901.0 == pytest.approx(MAX_PAUSE_S, rel=0.25)
    assert lives(restarts, 3, idle_cores=1.0) == [False, False, True]
