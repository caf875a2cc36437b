"""`LivePublisher`: publishes one JPEG per frame and watched quality on Redis pub/sub, and nothing while no one watches.

It sends the newest frame only, on its own thread: a slow broker does not delay the camera. Runs without Django.
"""

from __future__ import annotations

import logging
import struct
import threading
import time
from typing import Any

from cameras.drivers.base import FrameData
from cameras.live.presets import FrameRateLimiter, presets_of
from cameras.runtime.consumers import Context

log = logging.getLogger(__name__)
FRAME_HEADER = struct.Struct("!4sBBHIQQ")
MAGIC = b"SKYL"
VERSION = 1
SIMULATED, STALE, LOWERED = 1, 2, 4
"""Flags: from a simulated camera; old; below the requested quality, since a machine or the network is busy."""
PAUSE_AFTER_FAILURE_S = 1.0


def pack_picture(frame: FrameData, jpeg: bytes, *, lowered: bool = False) -> bytes:
    """Magic, version, flags, 0, sequence, captured µs UTC, sent µs UTC; then the JPEG."""
    flags = (SIMULATED if frame.simulated else 0) | (LOWERED if lowered else 0)
    head = FRAME_HEADER.pack(
        MAGIC, VERSION, flags, 0, frame.number & 0xFFFFFFFF, frame.captured_ns // 1000, time.time_ns() // 1000
    )
    return head + jpeg


class LivePublisher:
    """The buffer calls it with the newest frame, on the publisher's own thread."""

    keeps_frames = False

    def __init__(self, context: Context) -> None:
        self._spec, self._buffer = context.spec, context.buffer
        self._presets = presets_of(context.spec.get("presets"))
        self._rate_limiters = {quality: FrameRateLimiter() for quality in self._presets}
        self._level = 0
        self._wanted: frozenset[str] = frozenset()
        self._stopping = threading.Event()
        self._redis_url = self._connected_to = ""
        self._redis: Any = None
        self.frames = self.yielded = 0
        self.encoded = dict.fromkeys(self._presets, 0)
        context.buffer.register_streaming_callback(self._publish_frame)

    def _publish_frame(self, frame: FrameData) -> None:
        """Skip the frame while recording is behind: recording goes first."""
        wanted = sorted(self._wanted)
        if wanted and self._buffer.is_behind:
            self.yielded += 1
        else:
            for quality in wanted:
                self._publish(frame, quality)
        self.frames += 1

    def handle_command(self, message: dict[str, Any]) -> None:
        """Handle `live`: the watched qualities, their presets, the level of lowering, and the Redis address to publish
        at, of a user that may do nothing else."""
        if message["type"] == "live":
            self._presets = presets_of(message["presets"]) if message.get("presets") else self._presets
            self._level = int(message.get("lowered", 0))
            self._redis_url = str(message.get("redis_url", ""))
            # Last: the publisher's thread uses the others as soon as a quality is wanted.
            self._wanted = frozenset(message["qualities"]) & self._presets.keys()

    @property
    def wants_frames(self) -> bool:
        return bool(self._wanted)

    def stop(self) -> None:
        self._wanted = frozenset()
        self._stopping.set()

    def stats(self) -> dict[str, Any]:
        """Frames received, frames skipped in favour of recording, pictures encoded by quality, and the level."""
        encoded = dict(self.encoded)
        return {"live": {"frames": self.frames, "yielded": self.yielded, "encoded": encoded, "lowered": self._level}}

    def _publish(self, frame: FrameData, quality: str) -> None:
        # Imported at the first picture: it costs 0.3 s and 37 MB, and many camera processes are never watched.
        import redis

        level = self._level
        preset = self._presets[quality].lowered(level, max(frame.image.shape[:2]))
        if not self._rate_limiters[quality].admit_frame(frame.monotonic, preset.fps):
            return
        jpeg = preset.encode(frame.image)
        self.encoded[quality] += 1
        channel = f"{self._spec['station']}:live:{self._spec['slug']}:{quality}"
        try:
            self._connection(self._redis_url).publish(channel, pack_picture(frame, jpeg, lowered=level > 0))
        except (redis.RedisError, OSError) as error:
            log.warning("Live view cannot publish and tries again: %s", type(error).__name__)
            self._redis = None
            # Nothing queues up during the pause: the buffer keeps the newest frame only.
            self._stopping.wait(PAUSE_AFTER_FAILURE_S)

    def _connection(self, url: str) -> Any:
        import redis

        if not url:
            raise redis.ConnectionError("No address to publish at is known yet.")
        # The URL changes, for example, when the broker begins to refuse the users that the Supervisor creates.
        if self._redis is None or url != self._connected_to:
            self._redis = redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=1)
            self._connected_to = url
        return self._redis
