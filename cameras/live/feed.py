"""`Feed`: the newest picture of one camera in one quality, for all viewers of a web process.

Each feed has one subscription, and only while someone requests pictures. Viewers have no queues: a viewer that
requests nothing costs nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from cameras.live.picture import Picture
from cameras.sockets.subscription import CONNECTION_ERRORS, Subscription
from core.background import log_and_continue, start_background_task
from core.broker import broker

log = logging.getLogger(__name__)
WANT_TTL_S = 5
RENEW_S = 1.5  # so that one or two failed renewals do not end the pictures
RETRY_S = 0.3  # pictures return soon after the broker
IDLE_AFTER_S = 5.0
"""How long after the last request a feed keeps running."""
POLL_S = 1.0


class Feed:
    def __init__(self, slug: str, quality: str) -> None:
        self.slug, self.quality = slug, quality
        self.newest: Picture | None = None
        self.pictures = 0
        """How many have arrived."""
        self._subscription = Subscription(broker.key("live", slug, quality), self._receive_picture)
        self._arrived = asyncio.Event()
        self._last_request_at = 0.0
        self._running: asyncio.Task[None] | None = None
        self._renewed = True

    @property
    def broker_away(self) -> bool:
        """Not of a feed that has just started: its subscription is not up yet."""
        return self._subscription.is_failing or not self._renewed

    async def wait_for_newer(self, than: int, wait_s: float) -> Picture | None:
        """The newest picture with a serial above `than`, at once or when it arrives; None after `wait_s` seconds."""
        now = asyncio.get_running_loop().time
        deadline = now() + wait_s
        while True:
            self.keep_running()
            # No await from here to the wait for the event, so a picture that arrives in between is not missed.
            if self.newest is not None and self.newest.serial > than:
                return self.newest
            left = deadline - now()
            if left <= 0:
                return None
            with contextlib.suppress(TimeoutError):
                # In short waits, each of which keeps the feed running.
                async with asyncio.timeout(min(left, POLL_S)):
                    await self._arrived.wait()

    def keep_running(self) -> None:
        """Start the feed, or keep it running for another IDLE_AFTER_S."""
        self._last_request_at = asyncio.get_running_loop().time()
        if self._running is None:
            self._running = start_background_task(self._run(), "live feed")

    def _receive_picture(self, message: bytes) -> None:
        try:
            self.newest = Picture(message, self.quality)
            self.pictures += 1
        except ValueError as error:
            log.warning("A message on %s was ignored: %s", self._subscription.channel, error)
            return
        arrived, self._arrived = self._arrived, asyncio.Event()
        arrived.set()

    async def _run(self) -> None:
        listening = start_background_task(self._subscription.run(), "subscription")
        try:
            while asyncio.get_running_loop().time() - self._last_request_at < IDLE_AFTER_S:
                with log_and_continue("live feed"):
                    await self._renew_request()
                await asyncio.sleep(RENEW_S if self._renewed else RETRY_S)
        finally:
            # Without its picture: a feed that starts again later must not begin with an old one.
            self._running, self.newest = None, None
            listening.cancel()
            # Awaited directly, the cancelled task would raise its CancelledError here.
            await asyncio.wait([listening])

    async def _renew_request(self) -> None:
        """On a thread: a broker that hangs must not block the event loop."""
        renewed = False
        try:
            with contextlib.suppress(*CONNECTION_ERRORS):
                await asyncio.to_thread(request_pictures, self.slug, self.quality)
                renewed = True
        finally:
            self._renewed = renewed


def request_pictures(slug: str, quality: str) -> None:
    """Ask the camera's host for pictures of this quality, for WANT_TTL_S. Raises what redis raises."""
    broker.connection().set(broker.key("want", slug, quality), "1", ex=WANT_TTL_S)
