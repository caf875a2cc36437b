"""Which values are believed, and when a channel is missing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.readings.reading import CONFIRMATIONS, ChannelQuality, Limits

INTERVAL_S = 2.0


@pytest.fixture
def temperature() -> ChannelQuality:
    return ChannelQuality("temperature", INTERVAL_S, now=0.0)


def qualities(channel: ChannelQuality, *values: float, begin: float = 0.0) -> list[str]:
    return [channel.judge(value, begin + INTERVAL_S * number) for number, value in enumerate(values)]


def test_plain_values_are_ok(temperature: ChannelQuality) -> None:
    assert qualities(temperature, 20.0, 20.5, 19.8) == ["ok", "ok", "ok"]


@pytest.mark.parametrize("value", [-90.1, 150.1, None])
def test_a_value_out_of_range_is_implausible(temperature: ChannelQuality, value: float | None) -> None:
    assert temperature.judge(value, 1.0) == "implausible"


def test_a_value_that_the_device_calls_an_error_is_implausible(temperature: ChannelQuality) -> None:
    assert temperature.judge(85.0, 1.0, is_valid=False) == "implausible"


def test_limits_of_the_channel_replace_those_of_the_quantity(temperature: ChannelQuality) -> None:
    temperature.limits = Limits(lowest=0.0, highest=30.0)
    assert qualities(temperature, -0.1, 30.0, 30.1) == ["implausible", "ok", "implausible"]


def test_a_single_jump_is_implausible(temperature: ChannelQuality) -> None:
    assert qualities(temperature, 20.0, 80.0, 20.1) == ["ok", "implausible", "ok"]


def test_a_jump_that_stays_is_believed(temperature: ChannelQuality) -> None:
    assert qualities(temperature, 20.0, 60.0, 60.5, 61.0, 61.0) == ["ok", "implausible", "implausible", "ok", "ok"]


def test_jumps_to_different_levels_confirm_nothing(temperature: ChannelQuality) -> None:
    assert qualities(temperature, 20.0, 60.0, 100.0, 60.0, 100.0)[1:] == ["implausible"] * 4


def test_after_a_pause_any_plausible_value_is_believed(temperature: ChannelQuality) -> None:
    qualities(temperature, 20.0)
    assert temperature.judge(60.0, 100.0) == "ok"


def test_a_value_that_is_older_than_three_intervals_is_stale(temperature: ChannelQuality) -> None:
    assert temperature.judge(20.0, 1.0, age_s=3 * INTERVAL_S + 0.1) == "stale"


def test_a_channel_is_missing_after_three_intervals(temperature: ChannelQuality) -> None:
    temperature.judge(20.0, 10.0)
    assert not temperature.has_become_missing(10.0 + 3 * INTERVAL_S)
    assert temperature.has_become_missing(10.1 + 3 * INTERVAL_S)


def test_a_channel_becomes_missing_once(temperature: ChannelQuality) -> None:
    assert [temperature.has_become_missing(now) for now in (7.0, 8.0, 9.0)] == [True, False, False]


def test_a_value_ends_the_absence(temperature: ChannelQuality) -> None:
    temperature.has_become_missing(100.0)
    temperature.judge(20.0, 101.0)
    assert not temperature.is_missing


@given(st.lists(st.floats(-90, 150), min_size=1), st.floats(-90, 150))
def test_a_value_that_is_repeated_is_believed_in_the_end(before: list[float], value: float) -> None:
    channel = ChannelQuality("temperature", INTERVAL_S, now=0.0)
    assert qualities(channel, *before, *[value] * CONFIRMATIONS)[-1] == "ok"
