"""What the Supervisor has to tell the database, while that is away and when it cannot be told at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import IntegrityError, OperationalError

from cameras.supervision.outbox import Outbox


def failing(error: Exception) -> Callable[[], None]:
    def call() -> None:
        raise error

    return call


@pytest.mark.parametrize("error", [OperationalError("database is locked"), OSError("away")])
def test_what_cannot_be_told_now_stays_first_in_line(error: Exception) -> None:
    told: list[str] = []
    outbox = Outbox()
    outbox.put(failing(error))
    outbox.put(lambda: told.append("second"))
    with pytest.raises(type(error)):
        outbox.flush()
    assert (told, len(outbox)) == ([], 2)


@pytest.mark.parametrize("error", [ValueError("never"), IntegrityError("doubled"), TypeError("no JSON")])
def test_what_can_never_be_told_is_given_up_and_the_next_is_told(error: Exception) -> None:
    told: list[str] = []
    outbox = Outbox()
    outbox.put(failing(error))
    outbox.put(lambda: told.append("second"))
    outbox.flush()
    assert (told, len(outbox), outbox.lost) == (["second"], 0, 1)
