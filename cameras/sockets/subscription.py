"""Subscriptions to Redis channels, of which a web process has one for all its sockets, and again whenever the
connection is cut."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Generic, NoReturn, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

import redis
import redis.asyncio
from django.conf import settings
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from core.background import log_and_continue, start_background_task
from core.broker import broker
from core.broker.notices import NoticeKind, NoticeT

log = logging.getLogger(__name__)

Singleton = TypeVar("Singleton")
# By loop, because asyncio's locks, queues and tasks belong to one. Weak, so that they end with it.
_singletons: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[type, Any]] = WeakKeyDictionary()


def loop_singleton(kind: type[Singleton]) -> Singleton:
    """The running loop's instance of `kind`, created by the first call."""
    singletons = _singletons.setdefault(asyncio.get_running_loop(), {})
    if kind not in singletons:
        singletons[kind] = kind()
    found: Singleton = singletons[kind]
    return found


def set_loop_singleton(singleton: Any) -> None:
    """Use this instance in the running loop, such as one that was not made with defaults."""
    _singletons.setdefault(asyncio.get_running_loop(), {})[type(singleton)] = singleton


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


MAX_WAITING = 200
POLL_S = 0.25
Listener: TypeAlias = "asyncio.Queue[NoticeT | None]"
MISSED = None
"""A listener gets it in place of notices that may have been lost."""


class NoticeBroadcaster(Generic[NoticeT]):
    """One of each kind in each event loop. It subscribes only while there are listeners."""

    def __init__(self, kind: NoticeKind[NoticeT]) -> None:
        self._listeners: set[Listener[NoticeT]] = set()
        self._subscription = Subscription(broker.key(kind.channel), self._broadcast)
        self._running: asyncio.Task[None] | None = None

    @property
    def cuts(self) -> int:
        """How often notices may have been lost."""
        return self._subscription.cuts

    @contextlib.contextmanager
    def subscribe(self) -> Iterator[Listener[NoticeT]]:
        listener: Listener[NoticeT] = asyncio.Queue(MAX_WAITING)
        self._listeners.add(listener)
        if self._running is None:
            self._running = start_background_task(self._run(), "notices")
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    async def wait_until_up(self, within_s: float) -> None:
        """For a listener: wait until notices arrive, or are known to arrive later, with MISSED."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._subscription.settled.wait()

    def _broadcast(self, message: bytes) -> None:
        try:
            notice: NoticeT = json.loads(message)
        except ValueError:
            log.warning("A notice on %s was not JSON and is ignored.", self._subscription.channel)
            return
        # Without an await, so the set does not change during the iteration.
        for listener in self._listeners:
            deliver_notice(listener, notice)

    async def _run(self) -> None:
        """Keep the subscription; after a cut or a failed connect every listener gets MISSED as soon as it is up."""
        reported_cuts = self.cuts
        subscribed = start_background_task(self._subscription.run(), "subscription")
        try:
            while self._listeners:
                await asyncio.sleep(POLL_S)
                if self._subscription.up and self.cuts != reported_cuts:
                    reported_cuts = self.cuts
                    for listener in self._listeners:
                        deliver_notice(listener, MISSED)
        finally:
            # First: a listener that comes while this subscription ends starts the next one.
            self._running = None
            subscribed.cancel()
            # Awaited directly, the cancelled task would raise its CancelledError here.
            await asyncio.wait([subscribed])


def deliver_notice(listener: Listener[NoticeT], notice: NoticeT | None) -> None:
    """A listener that is too slow loses its waiting notices and gets MISSED."""
    if listener.full():
        # All of them: after MISSED a program requests the list anyway, which contains what they announced.
        while not listener.empty():
            listener.get_nowait()
        notice = MISSED
    listener.put_nowait(notice)
