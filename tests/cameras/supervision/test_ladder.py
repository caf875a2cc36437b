"""What is done about a camera that does not deliver, and when its process may start again."""

from __future__ import annotations

import pytest

from cameras.supervision.ladder import SILENCE_S, Ladder, Restarts
from monitoring.restarts import MAX_PAUSE_S, BackOff


def climbed(ladder: Ladder, overdue_s: float, silent_s: float, times: list[float]) -> list[str | None]:
    return [ladder.look(now, overdue_s, silent_s) for now in times]


def test_a_camera_in_time_is_left_alone() -> None:
    assert climbed(Ladder(), 0.0, 1.2, [0.0, 1.0, 2.0, 60.0]) == [None] * 4


def test_an_overdue_camera_is_aborted_reopened_and_killed_two_seconds_apart() -> None:
    steps = climbed(Ladder(), 1.0, 0.0, [10.0, 10.1, 11.9, 12.0, 13.9, 14.0, 20.0])
    assert steps == ["abort", None, None, "reconnect", None, "kill", None]


def test_a_silent_process_climbs_the_same_ladder() -> None:
    assert climbed(Ladder(), 0.0, SILENCE_S + 0.1, [0.0, 2.0, 4.0]) == ["abort", "reconnect", "kill"]


def test_a_camera_that_came_back_begins_at_the_foot_of_the_ladder() -> None:
    ladder = Ladder()
    climbed(ladder, 1.0, 0.0, [0.0, 2.0])
    ladder.look(3.0, 0.0, 0.0)
    assert climbed(ladder, 1.0, 0.0, [10.0, 12.0]) == ["abort", "reconnect"]


def test_the_first_restart_is_at_once() -> None:
    restarts = Restarts()
    restarts.started(0.0)
    restarts.ended(100.0, "killed")
    assert restarts.not_before == 100.0


def test_later_restarts_wait_from_one_second_to_a_minute_with_jitter() -> None:
    restarts = Restarts(BackOff(crash_loop_exits=99))
    pauses = [round(pause) for pause in (ended(restarts, now=float(now)) for now in range(10))]
    expected = [0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert pauses == [pytest.approx(wanted, abs=0.5, rel=0.25) for wanted in expected]
    assert max(pauses) <= MAX_PAUSE_S * 1.2


def ended(restarts: Restarts, now: float) -> float:
    restarts.started(now)
    restarts.ended(now, "killed")
    return restarts.not_before - now


def test_thirty_healthy_seconds_reset_the_pause() -> None:
    restarts = Restarts(BackOff(crash_loop_exits=99))
    pauses = [ended(restarts, now=float(now)) for now in range(5)]
    restarts.started(100.0)
    restarts.ended(130.0, "killed")
    assert (pauses[-1] > 5, restarts.not_before) == (True, 130.0)


@pytest.mark.parametrize(("lived_s", "loop"), [(9.9, [False, False, False, False, True]), (10.1, [False] * 5)])
def test_five_exits_within_ten_seconds_of_a_start_each_are_a_crash_loop(lived_s: float, loop: list[bool]) -> None:
    restarts = Restarts()

    def life(start: float) -> bool:
        restarts.started(start)
        return restarts.ended(start + lived_s, "crashed")

    assert [life(start) for start in (0.0, 20.0, 40.0, 60.0, 80.0)] == loop


def test_lives_that_the_ladder_ended_before_a_picture_came_are_failures_however_long_they_took() -> None:
    restarts = Restarts(BackOff(crash_loop_exits=3))

    def life(start: float) -> bool:
        restarts.started(start)
        return restarts.ended(start + 40.0, "hung", fruitless=True)

    assert [(life(start), restarts.tries_left) for start in (0.0, 60.0, 120.0)] == [(False, 2), (False, 1), (True, 0)]


def test_a_camera_that_nobody_uses_and_that_hangs_once_a_night_is_not_in_a_crash_loop() -> None:
    restarts = Restarts(BackOff(crash_loop_exits=3))
    night_s = 86_400.0

    def hung_after(start: float) -> bool:
        restarts.started(start)
        return restarts.ended(start + night_s, "hung", fruitless=True)

    assert [hung_after(number * night_s) for number in range(5)] == [False] * 5


def test_one_long_life_between_crashes_is_no_crash_loop() -> None:
    restarts = Restarts(BackOff(crash_loop_exits=3))
    ended(restarts, 0.0)
    ended(restarts, 1.0)
    restarts.started(2.0)
    restarts.ended(22.0, "killed")
    restarts.started(23.0)
    assert restarts.ended(23.5, "killed") is False


def test_a_person_who_says_try_again_is_obeyed_at_once() -> None:
    restarts = Restarts()
    pauses = [ended(restarts, now=float(now)) for now in range(4)]
    restarts.forgive()
    assert (pauses[-1] > 1, restarts.not_before, ended(restarts, 50.0)) == (True, 0.0, 0.0)
