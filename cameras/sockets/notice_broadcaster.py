"""`NoticeBroadcaster`: passes notices of one kind to all sockets of a web process, over one Redis subscription."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Iterator
from typing import Generic, TypeAlias

from cameras.sockets.subscription import Subscription
from core.background import start_background_task
from core.broker import broker
from core.broker.notices import NoticeKind, NoticeT

log = logging.getLogger(__name__)
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
