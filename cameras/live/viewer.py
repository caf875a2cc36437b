"""`Viewer`: one live picture that someone watches, and the bytes that it may get. A page with four live pictures has
four viewers."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Literal, TypedDict, get_args

import uuid6

BURST_S = 0.5
"""How many seconds of unused rate may be saved up."""


class RateLimiter:
    """`kbit_s` 0: no limit. A picture may overdraw the bucket, as a large one could never be sent otherwise; then the
    next one waits longer."""

    def __init__(self, kbit_s: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at, self._left = clock(), 0.0
        self.kbit_s = kbit_s

    @property
    def _rate(self) -> float:
        """Bytes a second."""
        return self.kbit_s * 125

    def wait_s(self) -> float:
        """Seconds until the next picture may be sent; 0 for now."""
        if not self.kbit_s:
            return 0.0
        now = self._clock()
        self._left = min(BURST_S * self._rate, self._left + (now - self._at) * self._rate)
        self._at = now
        return max(0.0, -self._left / self._rate)

    def consume(self, size: int) -> None:
        """Take `size` bytes. Call `wait_s` first: it refills the bucket."""
        if self.kbit_s:
            self._left -= size


RATE_SAMPLES = 8
"""Samples over which the rates are averaged."""
Transport = Literal["websocket", "mjpeg"]
TRANSPORTS: tuple[Transport, ...] = get_args(Transport)


class ViewerBody(TypedDict):
    id: str
    user: str
    camera: str
    quality: str
    transport: str
    since: str
    """When it began, UTC."""
    frames: int
    bytes: int
    dropped: int
    """Pictures that a limit dropped."""
    fps: float
    kbit_s: float
    limited: list[str]
    """Why it gets less than its quality: host_cpu, web_cpu, bandwidth."""
    remote: str | None
    """The client's address; null for readers who are not managers."""


class Viewer:
    """`end` is called with a sentence when someone ends it. Use it only in the event loop that made it."""

    def __init__(
        self, user: str, camera: str, quality: str, transport: Transport, remote: str, end: Callable[[str], None]
    ) -> None:
        self.id = str(uuid6.uuid7())
        self.user, self.camera, self.quality, self.transport = user, camera, quality, transport
        self.remote, self.end = remote, end
        self.since = time.time()
        self.requested_at = time.monotonic()
        self.frames = self.bytes = self.dropped = 0
        self.limited: tuple[str, ...] = ()
        self.rate_limiter = RateLimiter()
        self.last_serial = 0
        """Serial of the last picture sent."""
        self.next_picture_at = 0.0
        """When the next picture may be sent while pictures are fewer."""
        self.limited_at = -1e9  # long ago; time.monotonic() may be near 0
        self._samples: deque[tuple[float, int, int]] = deque([(self.requested_at, 0, 0)], RATE_SAMPLES)

    def record_sent(self, serial: int, size: int) -> None:
        self.last_serial = serial
        self.frames += 1
        self.bytes += size
        self.rate_limiter.consume(size)

    def sample_rates(self) -> None:
        """Call it at intervals: `body` averages over the samples."""
        self._samples.append((time.monotonic(), self.frames, self.bytes))

    def body(self) -> ViewerBody:
        (then, frames, sent), (now, *_) = self._samples[0], self._samples[-1]
        passed = max(now - then, 0.001)
        return ViewerBody(
            id=self.id, user=self.user, camera=self.camera, quality=self.quality, transport=self.transport,
            since=stamp(self.since), frames=self.frames, bytes=self.bytes, dropped=self.dropped,
            fps=round((self._samples[-1][1] - frames) / passed, 1),
            kbit_s=round((self._samples[-1][2] - sent) / passed / 125, 1),
            limited=list(self.limited), remote=self.remote,
        )  # fmt: skip


def stamp(seconds: float) -> str:
    """2026-03-01T20:00:00Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
