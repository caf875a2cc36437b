"""Subscribes to a Redis channel on its own connection, and again whenever that is cut."""

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
"""A connection that is silent this long is pinged, and replaced after as long again."""
RETRY_DELAY_S = (0.05, 0.3)
"""The pause before a retry, minimum and maximum: random, so that web processes do not reconnect all at once."""
CONNECTION_ERRORS = (redis.RedisError, OSError)


class Subscription:
    """Start `run` as a task. `up`: whether messages arrive; `is_failing`: whether the last attempt was refused or cut;
    `settled` is set once one of them is known; `cuts`: how often messages may have been lost."""

    def __init__(self, channel: str, on_message: Callable[[bytes], None]) -> None:
        self.channel, self.on_message = channel, on_message
        self.up = False
        self.is_failing = False
        self.settled = asyncio.Event()
        self.cuts = 0

    async def run(self) -> NoReturn:
        try:
            while True:
                raise_if_cancelled()
                with log_and_continue("subscription"):
                    await self._listen_until_cut()
                await asyncio.sleep(random.uniform(*RETRY_DELAY_S))
        finally:
            self.is_failing = False
            self.settled.clear()

    async def _listen_until_cut(self) -> None:
        try:
            await self._listen()
        except CONNECTION_ERRORS as error:
            self.is_failing = True
            self.settled.set()
            if self.up:
                log.warning("The subscription to %s was cut (%s). It reconnects.", self.channel, type(error).__name__)
        finally:
            self.up = False
            self.cuts += 1  # also after a failed connect: what was published meanwhile did not arrive

    async def _listen(self) -> NoReturn:
        async with connect_pubsub() as pubsub:
            await pubsub.subscribe(self.channel)
            pinged = False
            while True:
                raise_if_cancelled()
                # TCP does not notice a router that has forgotten the connection: no error comes, and no message.
                message = await pubsub.get_message(timeout=SILENCE_S)
                if message is None:
                    await self._check_connection(pubsub, pinged)
                pinged = message is None
                if message is not None:
                    self._handle_message(message)

    def _handle_message(self, message: dict[str, Any]) -> None:
        # By any message: the confirmation of the subscription and a pong prove as well that messages arrive.
        self.up, self.is_failing = True, False
        self.settled.set()
        if message["type"] == "message":
            self.on_message(message["data"])

    async def _check_connection(self, pubsub: Any, pinged: bool) -> None:
        if pinged:
            raise redis.ConnectionError("The broker does not answer a ping.")
        await pubsub.ping()


def raise_if_cancelled() -> None:
    """redis-py sends with `asyncio.wait_for`, which in Python 3.11 loses a cancellation that arrives just when the data
    is sent: the task would listen for ever, and its feed would wait for its end."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


@contextlib.asynccontextmanager
async def connect_pubsub() -> AsyncIterator[Any]:
    """With RESP2: in RESP3 redis-py 8.1 formats each message for its log, 5 ms for a picture of 430 kB."""
    server = redis.asyncio.Redis.from_url(
        settings.STATION.redis_url, protocol=2, socket_connect_timeout=1, socket_timeout=2, retry=Retry(NoBackoff(), 0)
    )
    async with server, server.pubsub() as pubsub:
        yield pubsub
