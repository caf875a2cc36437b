from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from captures.pixelink_service.errors import TooMany, TooSlow
from captures.pixelink_service.turns import Turns
from tests.skycam_project.stations import eventually


def eventually_queued(turns: Turns, count: int) -> None:
    eventually(lambda: len(turns._queue) == count, 5)


def test_turns_come_in_the_order_of_asking() -> None:
    turns, came, go = Turns(10), list[int](), threading.Event()

    def take(number: int) -> None:
        with turns.own_turn(10):
            came.append(number)
            go.wait(10)

    with ThreadPoolExecutor(5) as pool:
        for number in range(5):
            pool.submit(take, number)
            eventually_queued(turns, number + 1)
        go.set()
    assert came == [0, 1, 2, 3, 4]


def test_who_waits_too_long_goes_without_and_others_have_their_turn() -> None:
    turns = Turns(10)
    with turns.own_turn(1), pytest.raises(TooSlow), turns.own_turn(0.01):
        pass
    with turns.own_turn(0.01):
        assert len(turns._queue) == 1


def test_no_more_than_so_many_wait() -> None:
    turns = Turns(1)
    with turns.entered(), pytest.raises(TooMany, match="1 captures wait already"), turns.entered():
        pass
    with turns.entered():
        assert turns._inside == 1
