"""`LivePublisher`: one JPEG for each camera and quality, only while somebody wants it, on Redis pub/sub.

Newest-only and on a thread of its own: a slow broker costs the camera nothing. Runs without Django.
"""

from __future__ import annotations

import logging
import struct
import threading
import time
from typing import Any

from cameras.drivers.base import FrameData
from cameras.live.presets import PRESETS
from cameras.runtime.consumers import Context

log = logging.getLogger(__name__)
HEAD = struct.Struct("!4sBBHIQQ")
MAGIC = b"SKYL"
VERSION = 1
SIMULATED = 1
PAUSE_AFTER_FAILURE_S = 1.0


def packed(frame: FrameData, jpeg: bytes) -> bytes:
    """Magic, version, flags, 0, sequence, captured µs UTC, sent µs UTC; then the JPEG."""
    flags = SIMULATED if frame.simulated else 0
    head = HEAD.pack(
        MAGIC, VERSION, flags, 0, frame.number & 0xFFFFFFFF, frame.captured_ns // 1000, time.time_ns() // 1000
    )
    return head + jpeg


class LivePublisher:
    def __init__(self, context: Context) -> None:
        self._spec = context.spec
        self._frame: FrameData | None = None
        self._wanted: frozenset[str] = frozenset()
        self._changed = threading.Condition()
        self._stopping = False
        self._redis: Any = None
        self.encoded = 0
        context.buffer.register_streaming_callback(self._note)
        self._thread = threading.Thread(target=self._run, name="live", daemon=True)
        self._thread.start()

    def _note(self, frame: FrameData) -> None:
        if self._wanted:
            with self._changed:
                self._frame = frame
                self._changed.notify()

    def order(self, message: dict[str, Any]) -> None:
        """`live` with the qualities that somebody wants now."""
        if message["type"] == "live":
            self._wanted = frozenset(message["qualities"]) & PRESETS.keys()

    @property
    def wants_frames(self) -> bool:
        return bool(self._wanted)

    def stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout=2.0)

    def stats(self) -> dict[str, Any]:
        return {"encoded": self.encoded, "wanted": sorted(self._wanted)}

    def _run(self) -> None:
        while (frame := self._next()) is not None:
            for quality in sorted(self._wanted):
                self._publish(frame, quality)

    def _next(self) -> FrameData | None:
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None or self._stopping)
            frame, self._frame = self._frame, None
            return None if self._stopping else frame

    def _publish(self, frame: FrameData, quality: str) -> None:
        import redis

        jpeg = PRESETS[quality].encode(frame.image)
        self.encoded += 1
        channel = f"{self._spec['station']}:live:{self._spec['slug']}:{quality}"
        try:
            self._connection().publish(channel, packed(frame, jpeg))
        except (redis.RedisError, OSError) as error:
            log.warning("Live view waits for the broker: %s", type(error).__name__)
            self._redis = None
            with self._changed:
                self._changed.wait_for(lambda: self._stopping, PAUSE_AFTER_FAILURE_S)

    def _connection(self) -> Any:
        import redis

        if self._redis is None:
            self._redis = redis.Redis.from_url(self._spec["redis_url"], socket_timeout=2, socket_connect_timeout=1)
        return self._redis
