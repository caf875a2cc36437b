"""`LiveStreamingService`: the newest picture of a camera, for whoever may see it.

A picture is wanted by a key with a short life; the camera's process then encodes it once for everybody.
"""

from __future__ import annotations

import time
from typing import Any

import redis
from django.conf import settings

from cameras import broker
from cameras.live.publisher import HEAD, MAGIC
from cameras.models import Camera

WANT_LIFE_S = 5


class LiveStreamingService:
    def __init__(self, camera: Camera) -> None:
        self._camera = camera

    def frame(self, quality: str, wait_s: float) -> bytes | None:
        """The next JPEG of this quality; None when the camera gave none in time. BrokerDown without a broker."""
        try:
            return self._next(quality, time.monotonic() + wait_s)
        except broker.UNREACHABLE as error:
            raise broker.BrokerDown from error

    def _next(self, quality: str, deadline: float) -> bytes | None:
        server = connection()
        channel: Any = server.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        with channel:
            channel.subscribe(broker.key("live", self._camera.slug, quality))
            server.set(broker.key("want", self._camera.slug, quality), "1", ex=WANT_LIFE_S)
            while (left := deadline - time.monotonic()) > 0:
                message = channel.get_message(timeout=left)
                if message is not None and message["data"][:4] == MAGIC:
                    return bytes(message["data"][HEAD.size :])
        return None


def connection() -> redis.Redis:
    """Of its own, and in bytes: pictures are no text."""
    return redis.Redis.from_url(settings.STATION.redis_url, socket_connect_timeout=1, socket_timeout=3)
