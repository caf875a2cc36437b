"""Which receivers have a thread: never too many, never one twice, and a place for those that work."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from core.deliveries.thread import ReceiverPool
from tests.harness.waiting import PATIENCE_S

SIZE, FAILING = 5, 2
STEPS = st.lists(st.tuples(st.sampled_from(["reserve", "release"]), st.integers(0, 11), st.booleans()), max_size=60)


class Receivers:
    """Twelve receivers, of which the even ones fail."""

    def __init__(self) -> None:
        self.pool, self.busy = ReceiverPool(SIZE, FAILING), set[int]()
        self.most, self.most_failing, self.twice = 0, 0, 0

    def step(self, name: str, receiver: int, was_slow: bool) -> None:
        if name == "reserve" and self.pool.reserve(receiver, is_failing=receiver % 2 == 0):
            self.twice += receiver in self.busy
            self.busy.add(receiver)
        elif name == "release" and receiver in self.busy:
            self.pool.release(receiver, was_slow=was_slow and receiver % 2 == 0)
            self.busy.remove(receiver)
        self.most = max(self.most, len(self.busy))
        self.most_failing = max(self.most_failing, sum(one % 2 == 0 for one in self.busy))


@given(STEPS)
def test_the_bounds_hold_whatever_happens_in_whatever_order(steps: list[tuple[str, int, bool]]) -> None:
    found = Receivers()
    for step in steps:
        found.step(*step)
    assert found.twice == 0
    assert found.most <= SIZE
    assert found.most_failing <= FAILING


@given(STEPS)
def test_one_that_works_has_a_place_however_many_fail(steps: list[tuple[str, int, bool]]) -> None:
    found = Receivers()
    for name, receiver, was_slow in steps:
        found.step(name, receiver - receiver % 2, was_slow)
    assert found.pool.reserve("works")


def test_one_that_is_slow_counts_as_failing_until_it_is_quick() -> None:
    pool = ReceiverPool(4, failing=1)
    for receiver in "ab":
        assert pool.reserve(receiver)
        pool.release(receiver, was_slow=True)
    assert [pool.reserve(receiver) for receiver in "abc"] == [True, False, True]
    pool.release("a", was_slow=False)
    assert [pool.reserve(receiver) for receiver in "ab"] == [True, True]


def test_an_error_leaves_a_slow_receiver_slow() -> None:
    pool = ReceiverPool(2, failing=0)
    pool.reserve("a")
    pool.release("a", was_slow=True)
    assert not pool.reserve("a")


def test_a_stop_waits_for_those_that_are_busy() -> None:
    pool = ReceiverPool(1)
    pool.reserve("a")
    assert pool.is_full()
    assert not pool.wait_until_empty(0.0)
    threading.Timer(0.01, pool.release, ["a"]).start()
    assert pool.wait_until_empty(PATIENCE_S)
