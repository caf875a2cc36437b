"""A subscription to a channel of the broker ends with its task."""

from __future__ import annotations

import asyncio

import pytest
import redis

from cameras.sockets.subscription import Subscription
from tests.harness.waiting import PATIENCE_S


@pytest.mark.parametrize("steps", [*range(0, 80, 4), 200])
async def test_a_subscription_that_is_cancelled_at_any_moment_ends(server: redis.Redis, steps: int) -> None:
    """After `steps` steps of the event loop it connects, subscribes or listens."""
    listening = asyncio.create_task(Subscription("a:channel", lambda _: None).run())
    for _ in range(steps):
        await asyncio.sleep(0)
    listening.cancel()
    _, running = await asyncio.wait([listening], timeout=PATIENCE_S)
    assert not running
