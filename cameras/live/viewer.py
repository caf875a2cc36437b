"""`Viewer`: one live picture that someone watches, and the bytes that it may get; and why there is no picture: a
reason for programs, and a sentence that says what to do. A page with four live pictures has four viewers."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Literal, Protocol, TypedDict, get_args

import uuid6

from cameras.status.messages import Status
from core.camera_names import CameraName
from core.text.sentences import sentence, spans_of

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


class NoFrame(TypedDict):
    type: str
    reason: str
    message: str
    mentions: list[list[int]]
    """Where the message has the camera's slug: `[[begin, end], ...]` in characters."""
    last_frame: str | None


class Bandwidth(Protocol):
    """As `live_streaming_config.bandwidth`: kbit/s, 0 for no limit."""

    @property
    def per_viewer_kbit_s(self) -> int: ...

    @property
    def total_kbit_s(self) -> int: ...


SENTENCES = {
    "broker": "The station's broker does not answer. Recording continues; pictures return when the broker does.",
    "host_down": "The camera host of {camera} does not answer. Start `skycam up` there.",
    "disabled": "{camera} is disabled. A manager can enable it.",
    "disconnected": "{camera} is disconnected. Connect it to see pictures.",
    "starting": "{camera} is starting.",
    "reconnecting": "{camera} was lost and is reconnecting. {why}",
    "quarantined": "{camera} is quarantined and needs attention. {why}",
    "busy": "{camera} is exposing; the next picture comes after the exposure.",
    "stale": "{camera} is ready but sends no pictures; the last one came at {last}.",
    "never": "{camera} is ready but has sent no picture yet.",
}


def no_frame_message(slug: str, status: Status | None) -> NoFrame:
    """Why the camera has no picture. `status` is None when the broker is away."""
    if status is None:
        return refusal_message("broker", SENTENCES["broker"])
    reason, last = no_frame_reason(status), status["last_frame"]
    # The socket knows its camera by the slug alone.
    message = sentence(SENTENCES[reason], camera=CameraName(slug, slug), why=status["reason"], last=last)
    return NoFrame(type="no_frame", reason=reason, message=message.strip(), mentions=spans_of(message), last_frame=last)


def refusal_message(reason: str, message: str) -> NoFrame:
    """For reasons that do not come from the camera: broker, disabled, capacity, bandwidth."""
    return NoFrame(type="no_frame", reason=reason, message=message, mentions=[], last_frame=None)


def host_load_message(status: Status | None) -> str:
    """Why the camera's host makes smaller or fewer pictures."""
    reported = status.get("lowered") if status else ""
    return reported or "The camera host is busy: pictures are smaller or fewer."


def bandwidth_message(limits: Bandwidth, rate_limiter: RateLimiter) -> str:
    """Which limit drops pictures; `rate_limiter` is the viewer's own."""
    if limits.per_viewer_kbit_s and (not limits.total_kbit_s or rate_limiter.wait_s()):
        return f"One viewer gets {limits.per_viewer_kbit_s} kbit/s at most: pictures are dropped."
    return f"All viewers together get {limits.total_kbit_s} kbit/s at most: pictures are dropped."


def no_frame_reason(status: Status) -> str:
    observed = status["observed"]
    if observed == "host_down" and status["desired"] == "disabled":
        return "disabled"
    if observed in SENTENCES:
        return observed
    return "stale" if status["last_frame"] else "never"
