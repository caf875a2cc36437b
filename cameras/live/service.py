"""`LiveStreamingService`: the newest pictures of the cameras, for all viewers of a web process.

A picture is wanted by a key with a short life; the camera's process then encodes it once for everybody.
"""

from __future__ import annotations

import asyncio
import time

from asgiref.sync import async_to_sync

from cameras import broker
from cameras.live.feed import Feed
from cameras.live.picture import Picture
from cameras.live.reasons import NoFrame, no_frame
from cameras.sockets.loops import of_this_loop
from cameras.status import Status, read_slugs

STATUS_S = 0.5
"""How long a status read for one viewer serves the others."""


class LiveStreamingService:
    """One in each event loop: `of_this_loop(LiveStreamingService)`."""

    def __init__(self) -> None:
        self._feeds: dict[tuple[str, str], Feed] = {}
        self._statuses: dict[str, tuple[float, Status | None]] = {}

    def feed(self, slug: str, quality: str) -> Feed:
        """Of a camera that exists and a quality of PRESETS."""
        if (slug, quality) not in self._feeds:
            self._feeds[slug, quality] = Feed(slug, quality)
        return self._feeds[slug, quality]

    async def why_none(self, slug: str, desired: str, feed: Feed) -> NoFrame:
        return no_frame(slug, None if feed.broker_away else await self._status(slug, desired))

    async def _status(self, slug: str, desired: str) -> Status | None:
        read_at, status = self._statuses.get(slug, (0.0, None))
        if time.monotonic() - read_at > STATUS_S:
            status = await asyncio.to_thread(read_or_none, slug, desired)
            self._statuses[slug] = time.monotonic(), status
        return status


def read_or_none(slug: str, desired: str) -> Status | None:
    try:
        return read_slugs({slug: desired})[slug]
    except broker.BrokerDown:
        return None


@async_to_sync
async def next_picture(slug: str, quality: str, wait_s: float) -> Picture | None:
    """From a thread: a picture that is not stale; None when none comes in time. BrokerDown without a broker."""
    feed = of_this_loop(LiveStreamingService).feed(slug, quality)
    kept = feed.newest
    picture = await feed.newer(kept.serial if kept and kept.is_stale else 0, wait_s)
    if picture is None and feed.broker_away:
        raise broker.BrokerDown
    return picture
