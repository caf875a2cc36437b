"""What has to be told while the database is away: in order, bounded, and nothing lost in silence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import OperationalError

from cameras.supervision import outbox as outbox_module
from cameras.supervision.outbox import Outbox

told: list[int] = []


@pytest.fixture(autouse=True)
def nothing_told() -> None:
    told.clear()


def telling(number: int) -> Callable[[], None]:
    return lambda: told.append(number)


class Database:
    """Away, until it is not."""

    away = True

    def write(self) -> None:
        if self.away:
            raise OperationalError("database is locked")
        told.append(0)


def test_calls_are_made_in_their_order() -> None:
    outbox = Outbox()
    any(map(outbox.put, map(telling, range(5))))
    outbox.flush()
    assert (told, len(outbox)) == ([0, 1, 2, 3, 4], 0)


def test_a_call_that_meets_no_database_stays_first_and_is_made_later() -> None:
    outbox, database = Outbox(), Database()
    outbox.put(database.write)
    outbox.put(telling(1))
    with pytest.raises(OperationalError):
        outbox.flush()
    database.away = False
    outbox.flush()
    assert told == [0, 1]


def test_a_call_that_can_never_be_made_holds_up_no_other() -> None:
    outbox = Outbox()
    outbox.put(lambda: {}["nothing"])
    outbox.put(telling(1))
    outbox.flush()
    assert (told, outbox.lost) == ([1], 1)


def test_a_disk_that_fails_holds_up_no_other_call() -> None:
    outbox = Outbox()
    outbox.put(lambda: Path("/nowhere").read_text())
    outbox.put(telling(1))
    outbox.flush()
    assert (told, outbox.lost) == ([1], 1)


def test_the_oldest_calls_are_given_up_and_counted_when_there_are_too_many() -> None:
    outbox = Outbox()
    any(map(outbox.put, map(telling, range(outbox_module.MOST + 3))))
    outbox.flush()
    assert (told[0], len(told), outbox.lost) == (3, outbox_module.MOST, 3)


def test_a_call_is_not_lost_when_the_outbox_overflows_while_another_is_made() -> None:
    outbox = Outbox()
    numbers = range(outbox_module.MOST)
    outbox.put(lambda: any(map(outbox.put, map(telling, numbers))))
    outbox.flush()
    assert (told == list(numbers), outbox.lost) == (True, 0)
