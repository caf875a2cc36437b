"""Wait for a condition, instead of sleeping for a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = 60.0
"""Long enough for a busy machine. A test of a promised time measures it (`tests.harness.busy_machine`)."""
POLL_S = 0.02


def eventually(condition: Callable[[], Any], within_s: float = PATIENCE_S, what: object = "") -> Any:
    """The first true value of `condition`; AssertionError when there is none in time, with `what` as it is then.

    It is checked once more after the deadline: a busy machine may have paused the test until then.
    """
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {within_s} s: {what or condition}"
        time.sleep(POLL_S)
    return value


async def eventually_in_loop(condition: Callable[[], Any], within_s: float = PATIENCE_S) -> Any:
    """As `eventually`, while the other tasks of the event loop run."""
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {within_s} s: {condition}"
        await asyncio.sleep(POLL_S)
    return value
