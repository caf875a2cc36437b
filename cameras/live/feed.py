"""`Feed`: the newest picture of one camera in one quality, for all viewers of a web process.

One subscription for each, and only while somebody asks. There is no queue for a viewer: who does not ask costs nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from cameras import broker
from cameras.live.picture import Picture
from cameras.sockets.subscription import CUT, Subscription
from core.background import log_and_continue, start_background_task

log = logging.getLogger(__name__)
WANT_LIFE_S = 5
RENEW_S = 1.5
RETRY_S = 0.3
ASKED_S = 5.0
"""How long after the last question a feed goes on."""
LOOK_S = 1.0


class Feed:
    def __init__(self, slug: str, quality: str) -> None:
        self.slug, self.quality = slug, quality
        self.newest: Picture | None = None
        self.pictures = 0
        """How many have come."""
        self._subscription = Subscription(broker.key("live", slug, quality), self._take)
        self._arrived = asyncio.Event()
        self._asked_at = 0.0
        self._running: asyncio.Task[None] | None = None
        self._renewed = True

    @property
    def broker_away(self) -> bool:
        return not (self._subscription.up and self._renewed)

    async def newer(self, than: int, wait_s: float) -> Picture | None:
        """The newest picture whose serial is above `than`, at once or when it comes; None when none comes in time."""
        now = asyncio.get_running_loop().time
        deadline = now() + wait_s
        while True:
            self.ask()
            if self.newest is not None and self.newest.serial > than:
                return self.newest
            left = deadline - now()
            if left <= 0:
                return None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, LOOK_S)):
                    await self._arrived.wait()

    def ask(self) -> None:
        """Somebody wants pictures of this feed."""
        self._asked_at = asyncio.get_running_loop().time()
        if self._running is None:
            self._running = start_background_task(self._run(), "live feed")

    def _take(self, message: bytes) -> None:
        try:
            self.newest = Picture(message, self.quality)
            self.pictures += 1
        except ValueError as error:
            log.warning("A message for %s was left aside: %s", self._subscription.channel, error)
            return
        arrived, self._arrived = self._arrived, asyncio.Event()
        arrived.set()

    async def _run(self) -> None:
        listening = start_background_task(self._subscription.run(), "subscription")
        try:
            while asyncio.get_running_loop().time() - self._asked_at < ASKED_S:
                with log_and_continue("live feed"):
                    await self._renew()
                await asyncio.sleep(RENEW_S if self._renewed else RETRY_S)
        finally:
            self._running, self.newest = None, None
            listening.cancel()
            await asyncio.wait([listening])

    async def _renew(self) -> None:
        """Off the loop: a broker that hangs must not hold up the others."""
        renewed = False
        try:
            with contextlib.suppress(*CUT):
                await asyncio.to_thread(want, self.slug, self.quality)
                renewed = True
        finally:
            self._renewed = renewed


def want(slug: str, quality: str) -> None:
    """Tell the camera's host that somebody watches. Raises what redis raises."""
    broker.connection().set(broker.key("want", slug, quality), "1", ex=WANT_LIFE_S)
