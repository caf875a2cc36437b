"""How often a wait asks, and how long it does."""

from __future__ import annotations

import time

import pytest

from tests.harness.waiting import LONGEST_POLL_S, PATIENCE_S, POLL_S, pause_s


def pause_after(waited_s: float, takes_s: float = 0.0) -> float:
    return pause_s(time.monotonic() - waited_s, takes_s, bool, lambda: "it is ready")


def test_a_wait_asks_often_at_first_and_less_often_the_longer_it_takes() -> None:
    assert pause_after(0.0) == POLL_S
    assert POLL_S < pause_after(1.0) < LONGEST_POLL_S
    assert pause_after(60.0) == LONGEST_POLL_S


def test_a_wait_ends_after_the_patience_and_what_it_needs() -> None:
    assert pause_after(PATIENCE_S + 1.0, takes_s=60.0) == LONGEST_POLL_S
    with pytest.raises(AssertionError, match=r"not within 120 s: it is ready"):
        pause_after(PATIENCE_S)
