"""The line through what a process uses finds what grows, and lets what moves."""

from __future__ import annotations

import random

from tests.long_runs.slopes import Sample, Used

HOUR = 3600.0


def used(mb_per_hour: float = 0.0, threads_per_hour: float = 0.0, handles_per_hour: float = 0.0) -> Used:
    noise = random.Random(7)
    samples = [
        Sample(
            at, 60 + mb_per_hour * at / HOUR + noise.uniform(-1, 1), round(9 + threads_per_hour * at / HOUR),
            round(20 + handles_per_hour * at / HOUR),
        )
        for at in range(0, 3600, 30)
    ]  # fmt: skip
    return Used("simulated", "watched", samples)


def test_what_moves_and_stays_is_flat() -> None:
    assert used().is_flat
    assert abs(used().mb_per_hour) < 1


def test_memory_that_grows_is_found() -> None:
    assert 9 < used(mb_per_hour=10).mb_per_hour < 11
    assert not used(mb_per_hour=10).is_flat


def test_threads_and_handles_that_grow_are_found() -> None:
    assert not used(threads_per_hour=6).is_flat
    assert not used(handles_per_hour=9).is_flat


def test_what_rises_while_it_warms_up_is_left_out() -> None:
    warm = Used("simulated", "watched", [Sample(at, min(at, 600) / 10, 9, 20) for at in range(0, 3600, 30)])
    assert warm.is_flat


def test_a_falling_series_is_flat() -> None:
    assert used(mb_per_hour=-50, threads_per_hour=-5).is_flat
