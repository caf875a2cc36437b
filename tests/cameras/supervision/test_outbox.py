"""Writes that wait while the database is away: in order, bounded, and every loss counted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import OperationalError

from cameras.supervision import outbox as outbox_module
from cameras.supervision.ingest import NO_FENCE
from cameras.supervision.outbox import Outbox

made: list[int] = []


@pytest.fixture(autouse=True)
def nothing_made() -> None:
    made.clear()


def writing(number: int) -> Callable[[], None]:
    return lambda: made.append(number)


class Database:
    """Raises OperationalError while `away` is set."""

    away = True

    def write(self) -> None:
        if self.away:
            raise OperationalError("database is locked")
        made.append(0)


def test_calls_are_made_in_their_order() -> None:
    outbox = Outbox(NO_FENCE)
    any(map(outbox.add, map(writing, range(5))))
    outbox.flush()
    assert made == [0, 1, 2, 3, 4]
    assert len(outbox) == 0


def test_a_call_stays_first_while_the_database_is_away_and_is_made_later() -> None:
    outbox, database = Outbox(NO_FENCE), Database()
    outbox.add(database.write)
    outbox.add(writing(1))
    with pytest.raises(OperationalError):
        outbox.flush()
    database.away = False
    outbox.flush()
    assert made == [0, 1]


def test_a_call_that_can_never_succeed_delays_no_other() -> None:
    outbox = Outbox(NO_FENCE)
    outbox.add(lambda: {}["nothing"])
    outbox.add(writing(1))
    outbox.flush()
    assert made == [1]
    assert outbox.lost == 1


def test_a_disk_that_fails_delays_no_other_call() -> None:
    outbox = Outbox(NO_FENCE)
    outbox.add(lambda: Path("/nowhere").read_text())
    outbox.add(writing(1))
    outbox.flush()
    assert made == [1]
    assert outbox.lost == 1


def test_the_oldest_calls_are_dropped_and_counted_when_there_are_too_many() -> None:
    outbox = Outbox(NO_FENCE)
    any(map(outbox.add, map(writing, range(outbox_module.MAX_CALLS + 3))))
    outbox.flush()
    assert made[0] == 3
    assert len(made) == outbox_module.MAX_CALLS
    assert outbox.lost == 3


def test_a_call_is_not_lost_when_the_outbox_overflows_while_another_is_made() -> None:
    outbox = Outbox(NO_FENCE)
    numbers = range(outbox_module.MAX_CALLS)
    outbox.add(lambda: any(map(outbox.add, map(writing, numbers))))
    outbox.flush()
    assert made == list(numbers)
    assert outbox.lost == 0
