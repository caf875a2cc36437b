"""The fitted line detects growth, and accepts variation."""

from __future__ import annotations

import random

from tests.harness.long_runs.slopes import Sample, Used

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


def test_a_varying_series_without_a_trend_is_flat() -> None:
    assert used().is_flat
    assert abs(used().mb_per_hour) < 1


def test_growing_memory_is_detected() -> None:
    assert 9 < used(mb_per_hour=10).mb_per_hour < 11
    assert not used(mb_per_hour=10).is_flat


def test_growing_threads_and_handles_are_detected() -> None:
    assert not used(threads_per_hour=6).is_flat
    assert not used(handles_per_hour=9).is_flat


def test_a_rise_during_the_warm_up_is_ignored() -> None:
    warm = Used("simulated", "watched", [Sample(at, min(at, 600) / 10, 9, 20) for at in range(0, 3600, 30)])
    assert warm.is_flat


def test_a_falling_series_is_flat() -> None:
    assert used(mb_per_hour=-50, threads_per_hour=-5).is_flat
