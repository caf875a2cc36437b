"""A Redis channel on a connection of its own, subscribed to anew whenever the connection is cut."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Callable
from typing import Any, NoReturn

import redis
import redis.asyncio
from django.conf import settings
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from core.background import log_and_continue

log = logging.getLogger(__name__)
SILENCE_S = 3.0
"""A connection that gave nothing for so long is asked whether it lives, and made anew after as long again."""
AGAIN_S = (0.05, 0.3)
"""The pause before a new try, least and most: web processes do not come back all at once."""
CUT = (redis.RedisError, OSError)


class Subscription:
    """`run` it as a task. `up` says whether messages arrive; `cuts`, how often they may have been lost."""

    def __init__(self, channel: str, take: Callable[[bytes], None]) -> None:
        self.channel, self.take = channel, take
        self.up = False
        self.cuts = 0

    async def run(self) -> NoReturn:
        while True:
            with log_and_continue("subscription"):
                await self._listen_until_cut()
            await asyncio.sleep(random.uniform(*AGAIN_S))

    async def _listen_until_cut(self) -> None:
        try:
            await self._listen()
        except CUT as error:
            self._cut(error)
        except Exception as error:
            self._cut(error)
            raise
        finally:
            self.up = False

    def _cut(self, error: Exception) -> None:
        if self.up:
            self.cuts += 1
            log.warning("The subscription to %s was cut (%s) and is made anew.", self.channel, type(error).__name__)

    async def _listen(self) -> NoReturn:
        async with connected() as pubsub:
            await pubsub.subscribe(self.channel)
            asked = False
            while True:
                message = await pubsub.get_message(timeout=SILENCE_S)
                if message is None:
                    await self._ask(pubsub, asked)
                asked = message is None
                if message is not None:
                    self._hear(message)

    def _hear(self, message: dict[str, Any]) -> None:
        self.up = True
        if message["type"] == "message":
            self.take(message["data"])

    async def _ask(self, pubsub: Any, asked: bool) -> None:
        if asked:
            raise redis.ConnectionError("The broker does not answer a ping.")
        await pubsub.ping()


@contextlib.asynccontextmanager
async def connected() -> AsyncIterator[Any]:
    """With RESP2: in RESP3 redis-py 8.1 writes each message out as text for its log, 5 ms for a picture of 430 kB."""
    server = redis.asyncio.Redis.from_url(
        settings.STATION.redis_url, protocol=2, socket_connect_timeout=1, socket_timeout=2, retry=Retry(NoBackoff(), 0)
    )
    async with server, server.pubsub() as pubsub:
        yield pubsub
