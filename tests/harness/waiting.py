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


def eventually(condition: Callable[[], Any], what: object = "", takes_s: float = 0.0) -> Any:
    """The first true value of `condition`; AssertionError after a hang, with `what` as it is then.

    It is checked once more after the deadline: a busy machine may have paused the test until then.
    `takes_s`: how long an idle machine needs, where that is more than some seconds: a lease has to expire, say.
    """
    deadline = time.monotonic() + PATIENCE_S + takes_s
    while not (value := condition()):
        assert time.monotonic() < deadline, hung(condition, what, takes_s)
        time.sleep(POLL_S)
    return value


async def eventually_in_loop(condition: Callable[[], Any], what: object = "", takes_s: float = 0.0) -> Any:
    """As `eventually`, while the other tasks of the event loop run."""
    deadline = time.monotonic() + PATIENCE_S + takes_s
    while not (value := condition()):
        assert time.monotonic() < deadline, hung(condition, what, takes_s)
        await asyncio.sleep(POLL_S)
    return value


def hung(condition: Callable[[], Any], what: object, takes_s: float) -> str:
    said = what() if callable(what) else what or condition
    return f"not within {PATIENCE_S + takes_s:g} s: {said}"
