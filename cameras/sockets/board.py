"""`Board`: notices of one kind for all sockets of a web process, over one subscription while anybody listens."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Iterator
from typing import Any, ClassVar

from cameras import broker
from cameras.sockets.subscription import Subscription
from core.background import start_background_task

log = logging.getLogger(__name__)
MOST_WAITING = 200
LOOK_S = 0.25
Notice = dict[str, Any]
Listener = asyncio.Queue["Notice | None"]
MISSED = None
"""What a listener is given where notices may have been lost."""


class Board:
    """One of each kind in each event loop."""

    kind: ClassVar[str]

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._subscription = Subscription(broker.key(self.kind), self._take)
        self._running: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def listening(self) -> Iterator[Listener]:
        listener: Listener = asyncio.Queue(MOST_WAITING)
        self._listeners.add(listener)
        if self._running is None:
            self._running = start_background_task(self._run(), "notices")
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def _take(self, message: bytes) -> None:
        try:
            notice = json.loads(message)
        except ValueError:
            log.warning("A notice on %s was no JSON.", self._subscription.channel)
            return
        for listener in self._listeners:
            give(listener, notice)

    async def _run(self) -> None:
        """Keeps the subscription; every listener hears of a cut once it is mended."""
        subscribed, told = start_background_task(self._subscription.run(), "subscription"), self._subscription.cuts
        try:
            while self._listeners:
                await asyncio.sleep(LOOK_S)
                if self._subscription.up and self._subscription.cuts != told:
                    told = self._subscription.cuts
                    for listener in self._listeners:
                        give(listener, MISSED)
        finally:
            self._running = None
            subscribed.cancel()
            await asyncio.wait([subscribed])


def give(listener: Listener, notice: Notice | None) -> None:
    """A listener that is too slow loses what waits for it, and is told so."""
    if listener.full():
        while not listener.empty():
            listener.get_nowait()
        notice = MISSED
    listener.put_nowait(notice)
