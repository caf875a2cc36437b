"""A check with a deadline, and the connection to the database that it shares with its caller."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from django.db import connections

from skycam_project.cli.diagnostics.finding import TooSlow, run_within
from tests.harness.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.django_db(transaction=True)
DEADLINE_S = 0.3
"""Of a check that hangs."""


class Check:
    """Asks the database, then hangs until `end` is set."""

    def __init__(self) -> None:
        self.end = threading.Event()
        self.used = connections["default"]
        self.used.ensure_connection()

    def __call__(self) -> bool:
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT 1")
        return self.end.wait(PATIENCE_S)


@pytest.fixture
def check() -> Iterator[Check]:
    check = Check()
    yield check
    check.end.set()


def test_a_check_that_ends_in_time_leaves_the_connection_to_its_caller(check: Check) -> None:
    check.end.set()
    assert run_within(PATIENCE_S, check) is True
    assert connections["default"] is check.used
    assert check.used.connection is not None


def test_the_connection_of_a_check_that_was_too_slow_is_closed_when_the_check_ends(check: Check) -> None:
    with pytest.raises(TooSlow):
        run_within(DEADLINE_S, check)
    assert connections["default"] is not check.used
    assert check.used.connection is not None
    check.end.set()
    eventually(lambda: check.used.connection is None)
