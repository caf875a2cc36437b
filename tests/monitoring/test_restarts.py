from __future__ import annotations

import pytest

from core.limits.repeats import BackOff, CrashLoop

FAST, SLOW, HEALTHY = 1.0, 11.0, 31.0


def second_delay() -> float:
    backoff = BackOff()
    backoff.next_delay_s(SLOW)
    return backoff.next_delay_s(SLOW)


def test_the_first_restart_is_immediate_and_later_delays_grow_to_a_minute() -> None:
    backoff = BackOff()
    delays = [backoff.next_delay_s(SLOW) for _ in range(10)]
    expected = [0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert delays == pytest.approx(expected, rel=0.2)


def test_restarts_are_spread_so_that_parts_do_not_start_together() -> None:
    assert len({second_delay() for _ in range(5)}) > 1


def test_a_healthy_run_resets_the_back_off() -> None:
    backoff = BackOff()
    delays = [backoff.next_delay_s(lived) for lived in (SLOW, SLOW, HEALTHY)]
    assert delays[1] > 0
    assert delays[2] == 0


def test_five_short_runs_in_a_row_are_a_crash_loop() -> None:
    backoff = BackOff()
    for _ in range(4):
        backoff.next_delay_s(FAST)
    with pytest.raises(CrashLoop):
        backoff.next_delay_s(FAST)


def test_a_longer_run_between_short_ones_prevents_a_crash_loop() -> None:
    backoff = BackOff()
    assert all(backoff.next_delay_s(lived) >= 0 for lived in [FAST] * 4 + [SLOW] + [FAST] * 4)
