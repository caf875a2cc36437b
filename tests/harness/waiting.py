"""Wait for what a test is about, never for a time.

Deadlines guard against a hang alone, and are the same for all: nothing is asserted about how soon something comes.
Times that the product promises are measured in `bench/`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = 120.0
"""Longer than a busy machine takes for anything that needs no time of its own."""
POLL_S = 0.02
LONGEST_POLL_S = 0.25
"""A check costs a station an answer: asked each 20 ms, it uses a third of a core for them, which others wait for."""


def eventually(condition: Callable[[], Any], what: object = "", takes_s: float = 0.0) -> Any:
    """The first true value of `condition`; AssertionError after a hang, with `what` as it is then.

    It is checked once more after the deadline: a busy machine may have paused the test until then.
    `takes_s`: how long an idle machine needs, where that is more than some seconds: a lease has to expire, say.
    """
    began = time.monotonic()
    while not (value := condition()):
        time.sleep(pause_s(began, takes_s, condition, what))
    return value


async def eventually_in_loop(condition: Callable[[], Any], what: object = "", takes_s: float = 0.0) -> Any:
    """As `eventually`, while the other tasks of the event loop run."""
    began = time.monotonic()
    while not (value := condition()):
        await asyncio.sleep(pause_s(began, takes_s, condition, what))
    return value


def pause_s(began: float, takes_s: float, condition: Callable[[], Any], what: object) -> float:
    """Before the next check: a tenth of the time that the wait has taken, within limits. AssertionError after the
    deadline."""
    waited, patience = time.monotonic() - began, PATIENCE_S + takes_s
    if waited < patience:
        return min(max(POLL_S, waited / 10), LONGEST_POLL_S)
    said = what() if callable(what) else what or condition
    raise AssertionError(f"not within {patience:g} s: {said}")
