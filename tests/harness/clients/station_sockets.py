"""A WebSocket of a running station, opened as `admin`; and what its web part has subscribed to."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

import redis
from websockets.asyncio.client import ClientConnection, connect

from tests.harness.stations.station import Station
from tests.harness.waiting import PATIENCE_S, eventually_in_loop

BINARY = "skycam.live.v1"


def open_socket(
    station: Station, address: str, *subprotocols: Any, **options: Any
) -> AbstractAsyncContextManager[ClientConnection]:
    """Other users give their own `additional_headers`."""
    headers = options.pop("additional_headers", station.api.authorization)
    return connect(
        f"ws://127.0.0.1:{station.port}{address}", subprotocols=subprotocols or None, additional_headers=headers,
        compression=None, max_size=None, open_timeout=PATIENCE_S, ping_timeout=PATIENCE_S, **options,
    )  # fmt: skip


async def wait_for_subscription(station: Station, *channel: str) -> None:
    """Wait until someone has subscribed to a channel of the broker, and exactly once."""
    name = ":".join((station.config.station.id, *channel))
    with redis.Redis.from_url(station.config.redis_url, decode_responses=True) as client:
        await eventually_in_loop(lambda: client.pubsub_numsub(name) == [(name, 1)])
