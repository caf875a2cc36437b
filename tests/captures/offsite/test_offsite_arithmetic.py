"""Back-off, hours and the limit of bandwidth, for any numbers."""

from __future__ import annotations

from datetime import UTC, datetime, time

from hypothesis import given
from hypothesis import strategies as st

from captures.storage.offsite.copy_rows import SCHEDULE
from captures.storage.offsite.senders import BURST_S, Hours, TokenBucket

DELAYS = SCHEDULE.delays
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class ManualClock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@given(st.integers(min_value=-5, max_value=10**9), st.floats(min_value=0, max_value=1))
def test_a_delay_is_between_a_second_and_a_quarter_of_an_hour(failures: int, chance: float) -> None:
    delay = DELAYS.delay_s(failures, chance=chance)
    assert 1 - DELAYS.jitter <= delay <= DELAYS.max_delay_s + 0.001


@given(st.integers(min_value=1, max_value=40))
def test_each_delay_is_at_least_as_long_as_the_one_before(failures: int) -> None:
    assert DELAYS.delay_s(failures + 1, chance=0.5) >= DELAYS.delay_s(failures, chance=0.5)


@given(st.times(), st.times(), st.times())
def test_the_hours_from_one_time_to_another_and_back_fill_the_day(begin: time, end: time, now: time) -> None:
    local = datetime.combine(NOON, now)
    both = [Hours(begin, end).are_open(local), Hours(end, begin).are_open(local)]
    assert sum(both) == (2 if begin == end else 1)


def test_hours_over_midnight_are_open_in_the_night() -> None:
    hours = Hours(time(22), time(6))
    assert hours.are_open(NOON.replace(hour=23))
    assert hours.are_open(NOON.replace(hour=5, minute=59))
    assert not hours.are_open(NOON.replace(hour=6))


@given(st.integers(min_value=1, max_value=10**9), st.lists(st.integers(min_value=0, max_value=10**7), max_size=50))
def test_bytes_never_pass_faster_than_the_rate_and_one_burst(rate: int, counts: list[int]) -> None:
    clock = ManualClock()
    bucket, waited = TokenBucket(rate, clock), 0.0
    for count in counts:
        wait_s = bucket.take_bytes(count)
        waited += wait_s
        clock.now += wait_s
    assert sum(counts) <= rate * (waited + BURST_S) * 1.001 + 1


@given(st.floats(min_value=0, max_value=1e6))
def test_a_pause_earns_no_more_than_a_burst(pause_s: float) -> None:
    clock = ManualClock()
    bucket = TokenBucket(1000, clock)
    clock.now += pause_s
    assert bucket.take_bytes(10_000) >= 10_000 / 1000 - BURST_S - 0.001


def test_without_a_limit_nothing_waits() -> None:
    assert TokenBucket(None).take_bytes(10**12) == 0.0


def test_a_limit_that_is_lifted_forgets_its_debt() -> None:
    bucket = TokenBucket(10)
    bucket.take_bytes(1000)
    bucket.rate = None
    assert bucket.take_bytes(1) == 0.0
