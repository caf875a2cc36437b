"""What is done about a camera that does not deliver, and when its process may start again."""

from __future__ import annotations

import pytest

from cameras.supervision.ladder import MOST_BACK_OFF_S, SILENCE_S, BackOff, Ladder


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
    back_off = BackOff()
    back_off.started(0.0)
    back_off.ended(100.0, "killed")
    assert back_off.not_before == 100.0


def test_later_restarts_wait_from_one_second_to_a_minute_with_jitter() -> None:
    back_off = BackOff(loop_exits=99)
    pauses = [round(pause) for pause in (ended(back_off, now=float(now)) for now in range(10))]
    expected = [0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert pauses == [pytest.approx(wanted, abs=0.5, rel=0.25) for wanted in expected]
    assert max(pauses) <= MOST_BACK_OFF_S * 1.2


def ended(back_off: BackOff, now: float) -> float:
    back_off.started(now)
    back_off.ended(now, "killed")
    return back_off.not_before - now


def test_thirty_healthy_seconds_reset_the_pause() -> None:
    back_off = BackOff(loop_exits=99)
    pauses = [ended(back_off, now=float(now)) for now in range(5)]
    back_off.started(100.0)
    back_off.ended(130.0, "killed")
    assert (pauses[-1] > 5, back_off.not_before) == (True, 130.0)


@pytest.mark.parametrize(("lived_s", "loop"), [(9.9, [False, False, False, False, True]), (10.1, [False] * 5)])
def test_five_exits_within_ten_seconds_of_a_start_each_are_a_crash_loop(lived_s: float, loop: list[bool]) -> None:
    back_off = BackOff()

    def life(start: float) -> bool:
        back_off.started(start)
        return back_off.ended(start + lived_s, "crashed")

    assert [life(start) for start in (0.0, 20.0, 40.0, 60.0, 80.0)] == loop


def test_one_long_life_between_crashes_is_no_crash_loop() -> None:
    back_off = BackOff(loop_exits=3)
    ended(back_off, 0.0)
    ended(back_off, 1.0)
    back_off.started(2.0)
    back_off.ended(22.0, "killed")
    back_off.started(23.0)
    assert back_off.ended(23.5, "killed") is False


def test_a_person_who_says_try_again_is_obeyed_at_once() -> None:
    back_off = BackOff()
    pauses = [ended(back_off, now=float(now)) for now in range(4)]
    back_off.forgive()
    assert (pauses[-1] > 1, back_off.not_before, ended(back_off, 50.0)) == (True, 0.0, 0.0)
