from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from captures.pixelink_service.captures import RequestOrder
from captures.pixelink_service.errors import TooMany, TooSlow
from tests.harness.waiting import PATIENCE_S, eventually

SHORT_S = 0.01
"""How long a request waits that does not get the lock."""


def eventually_queued(request_order: RequestOrder, count: int) -> None:
    eventually(lambda: request_order.queued == count)


def test_requests_get_the_lock_in_order() -> None:
    request_order, started, release = RequestOrder(10), list[int](), threading.Event()

    def hold(number: int) -> None:
        with request_order.wait_turn(PATIENCE_S):
            started.append(number)
            release.wait(PATIENCE_S)

    with ThreadPoolExecutor(5) as pool:
        for number in range(5):
            pool.submit(hold, number)
            eventually_queued(request_order, number + 1)
        release.set()
    assert started == [0, 1, 2, 3, 4]


def test_a_request_that_waits_too_long_fails_and_leaves_the_queue() -> None:
    request_order = RequestOrder(10)
    with request_order.wait_turn(PATIENCE_S), pytest.raises(TooSlow), request_order.wait_turn(SHORT_S):
        pass
    with request_order.wait_turn(SHORT_S):
        assert request_order.queued == 1


def test_a_request_over_the_limit_is_refused() -> None:
    request_order = RequestOrder(1)
    for _ in range(2):
        with request_order.admit(), pytest.raises(TooMany, match="1 captures are waiting"), request_order.admit():
            pass
