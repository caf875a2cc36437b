"""`SnapshotLimiter`: single pictures such as `frame.jpg`, and how many of them a user may have."""

from __future__ import annotations

import asyncio
import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from asgiref.sync import async_to_sync

from cameras.live import service as metrics
from cameras.live.feed import Picture
from cameras.live.service import SETTINGS_WAIT_S, LiveStreamingService
from cameras.live.viewer import RateLimiter, bandwidth_message
from cameras.live.viewer_registry import LiveViewRefused
from cameras.sockets.subscription import loop_singleton
from core.broker import broker

MIN_WAIT_S = 1.0
"""The least time to wait for a picture, after any wait for bandwidth."""
MAX_WAITING_PER_USER = 20
"""Each request holds a thread. A page that asks every second for six cameras without pictures has 18."""
MAX_WAITING = 32
"""Of all users together, so that threads are left for the other requests of a web process."""


class SnapshotLimitExceeded(LiveViewRefused):
    """This user is over a limit: `reason` is waiting or bandwidth. `retry_s`: seconds until a retry can succeed."""

    def __init__(self, reason: str, message: str, retry_s: float) -> None:
        self.retry_s = math.ceil(retry_s)
        super().__init__(reason, f"{message} Try again in {self.retry_s} s.")
        metrics.REFUSED.labels(reason).inc()


class SnapshotLimiter:
    """One in each event loop: `loop_singleton(SnapshotLimiter)`. The user "" is the station itself, without limits."""

    def __init__(self) -> None:
        self._waiting: Counter[str] = Counter()
        self._rate_limiters: defaultdict[str, RateLimiter] = defaultdict(RateLimiter)

    def waiting(self, user: str) -> int:
        """How many requests of this user wait now."""
        return self._waiting[user]

    async def get_picture(self, slug: str, quality: str, wait_s: float, user: str) -> Picture | None:
        """As `next_picture`."""
        service = await self._current_service()
        now = asyncio.get_running_loop().time
        deadline = now() + wait_s
        with self._count_waiting(user, wait_s) if self._must_wait(service, slug, quality, user) else nullcontext():
            await self._wait_for_bandwidth(service, user, wait_s)
            found = await fresh_picture(service, slug, quality, max(MIN_WAIT_S, deadline - now()))
        if found and user:
            self._record_sent(service, user, found)
        return found

    async def has_picture(self, slug: str, quality: str, wait_s: float, user: str) -> bool:
        """As `has_pictures`."""
        service = await self._current_service()
        with self._count_waiting(user, wait_s) if self._must_wait(service, slug, quality, user) else nullcontext():
            return await fresh_picture(service, slug, quality, wait_s) is not None

    async def _current_service(self) -> LiveStreamingService:
        """With current settings and load: while no one watches, nothing else refreshes them. LiveViewRefused."""
        service = loop_singleton(LiveStreamingService)
        await service.settings.refresh(SETTINGS_WAIT_S)
        service.check_load()
        service.settings.check_enabled()
        return service

    def _must_wait(self, service: LiveStreamingService, slug: str, quality: str, user: str) -> bool:
        """False for a camera with a fresh picture: requests for cameras without pictures do not hold it up."""
        kept = service.feed(slug, service.served_quality(quality)).newest
        return kept is None or kept.is_stale or self._bandwidth_wait_s(service, user) > 0

    @contextmanager
    def _count_waiting(self, user: str, wait_s: float) -> Iterator[None]:
        """Count a request as waiting. SnapshotLimitExceeded."""
        if user and self._waiting[user] >= MAX_WAITING_PER_USER:
            message = f"At most {MAX_WAITING_PER_USER} requests of one user can wait for a picture at a time."
            raise SnapshotLimitExceeded("waiting", message, wait_s)
        if user and self._waiting.total() >= MAX_WAITING:
            message = f"At most {MAX_WAITING} requests of all users can wait for a picture at a time."
            raise SnapshotLimitExceeded("waiting", message, wait_s)
        self._waiting[user] += 1
        try:
            yield
        finally:
            self._waiting[user] -= 1

    async def _wait_for_bandwidth(self, service: LiveStreamingService, user: str, wait_s: float) -> None:
        """Wait until the limits allow a picture. SnapshotLimitExceeded at once if that takes over `wait_s` seconds."""
        limits, own = service.settings.config.bandwidth, self._rate_limiters[user]
        own.kbit_s = limits.per_viewer_kbit_s if user else 0
        now = asyncio.get_running_loop().time
        deadline = now() + wait_s
        # Again after each wait: other requests use the same limits and may have been faster.
        while left_s := self._bandwidth_wait_s(service, user):
            if now() + left_s > deadline:
                raise SnapshotLimitExceeded("bandwidth", bandwidth_message(limits, own), left_s)
            await asyncio.sleep(left_s)

    def _bandwidth_wait_s(self, service: LiveStreamingService, user: str) -> float:
        """Seconds until the limits of the user and of the station allow a picture."""
        return max(self._rate_limiters[user].wait_s(), service.total_rate_limiter.wait_s() if user else 0.0)

    def _record_sent(self, service: LiveStreamingService, user: str, picture: Picture) -> None:
        size = len(picture.jpeg)
        self._rate_limiters[user].consume(size)
        service.total_rate_limiter.consume(size)
        metrics.FRAMES.labels(picture.quality).inc()
        metrics.LATENCY.labels(picture.quality).observe(picture.age_s)
        metrics.BYTES.inc(size)


async def fresh_picture(service: LiveStreamingService, slug: str, quality: str, wait_s: float) -> Picture | None:
    """A picture that is not stale; None when none arrives in `wait_s` seconds. BrokerDown."""
    feed = service.feed(slug, service.served_quality(quality))
    kept = feed.newest
    # A fresh picture serves every request; of a stale one only a newer one will do.
    picture = await feed.wait_for_newer(kept.serial if kept and kept.is_stale else 0, wait_s)
    if picture is None and feed.broker_away:
        raise broker.BrokerDown
    return picture


@async_to_sync
async def next_picture(slug: str, quality: str, wait_s: float, user: str = "") -> Picture | None:
    """From a thread: a picture that is not stale; None when none arrives in `wait_s` seconds. BrokerDown without a
    broker, LiveViewRefused when live view is switched off, SnapshotLimitExceeded when `user` is over a limit."""
    return await loop_singleton(SnapshotLimiter).get_picture(slug, quality, wait_s, user)


@async_to_sync
async def has_pictures(slug: str, quality: str, wait_s: float, user: str = "") -> bool:
    """From a thread, before a stream: whether pictures arrive. It uses no bandwidth of the user. Raises what
    `next_picture` raises."""
    return await loop_singleton(SnapshotLimiter).has_picture(slug, quality, wait_s, user)
