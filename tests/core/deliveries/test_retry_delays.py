"""How long a failed attempt waits, for any numbers of attempts and whatever a receiver wants."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.deliveries.rows import A_DAY
from core.limits.repeats import RetryDelays

TRIES = st.integers(min_value=-5, max_value=10**9)
CHANCE = st.floats(min_value=0, max_value=1)
SECONDS = st.floats(min_value=0.001, max_value=1e6)
DELAYS = st.builds(
    RetryDelays,
    first_s=st.lists(SECONDS, min_size=1, max_size=8).map(lambda found: tuple(sorted(found))),
    longest_s=SECONDS,
    jitter=st.floats(min_value=0, max_value=0.9),
    max_tries=st.none() | st.integers(min_value=1, max_value=100),
)


@given(DELAYS, TRIES, CHANCE)
def test_no_delay_is_longer_than_the_longest(delays: RetryDelays, tries: int, chance: float) -> None:
    assert 0 < delays.delay_s(tries, chance=chance) <= delays.max_delay_s * 1.000001


@given(DELAYS, st.integers(min_value=1, max_value=60), CHANCE)
def test_each_delay_is_at_least_as_long_as_the_one_before(delays: RetryDelays, tries: int, chance: float) -> None:
    assert delays.delay_s(tries + 1, chance=chance) >= delays.delay_s(tries, chance=chance)


@given(DELAYS, TRIES, CHANCE, st.floats(min_value=0, max_value=1e9))
def test_a_receiver_delays_an_attempt_and_never_hastens_it(
    delays: RetryDelays, tries: int, chance: float, wanted_s: float
) -> None:
    delay_s = delays.delay_s(tries, wanted_s, chance)
    assert delay_s >= delays.delay_s(tries, chance=chance)
    assert delay_s >= min(wanted_s, delays.longest_s)
    assert delay_s <= delays.max_delay_s * 1.000001


@given(DELAYS, st.integers(min_value=1, max_value=100))
def test_the_last_attempt_is_the_one_of_its_number_and_each_after_it(delays: RetryDelays, tries: int) -> None:
    assert delays.is_last(tries) == (tries >= (delays.max_tries or tries + 1))


@pytest.mark.parametrize(("tries", "seconds"), [(1, 10), (2, 30), (3, 60), (7, 1800), (8, 3600), (9, 3600), (30, 3600)])
def test_the_delays_of_a_day_are_those_of_its_table_and_then_an_hour(tries: int, seconds: float) -> None:
    assert A_DAY.delay_s(tries, chance=0.5) == pytest.approx(seconds)


def test_delays_double_after_the_first_ones() -> None:
    delays = RetryDelays((5.0,), longest_s=300.0)
    assert [delays.delay_s(tries) for tries in (1, 2, 3, 4, 20)] == [5.0, 10.0, 20.0, 40.0, 300.0]
