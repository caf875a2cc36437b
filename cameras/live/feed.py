"""`Feed`: the newest picture of one camera in one quality, for all viewers of a web process; `Picture`: its
encodings, each made once. Each feed has one subscription, and only while someone requests pictures. Viewers have no
queues: a viewer that requests nothing costs nothing."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import logging
import struct
import time
from datetime import UTC, datetime

from websockets.frames import Frame, Opcode

from cameras.live.publisher import FRAME_HEADER, LOWERED, MAGIC, SIMULATED, STALE, VERSION
from cameras.sockets.subscription import CONNECTION_ERRORS, Subscription
from core.background import log_and_continue, start_background_task
from core.broker import broker
from core.times.timestamps import stamp

log = logging.getLogger(__name__)

STALE_S = 2.0
"""A picture that arrived longer ago is marked stale."""
_serials = itertools.count(1)
# C4, C8 and CC are in the same range but are no frames: Huffman tables, a reserved code, arithmetic coding.
START_OF_FRAME = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


class Picture:
    """ValueError for bytes that are no picture. `serial` rises in this process with each picture; the camera's own
    `number` starts again when its process does."""

    def __init__(self, packed: bytes, quality: str) -> None:
        try:
            magic, version, self.flags, _, self.number, self.captured_us, self.sent_us = FRAME_HEADER.unpack_from(
                packed
            )
        except struct.error:
            raise ValueError("It is shorter than the frame header.") from None
        if (magic, version) != (MAGIC, VERSION):
            raise ValueError(f"It is no frame of version {VERSION}.")
        self.packed, self.quality = packed, quality
        self.serial = next(_serials)
        self._texts: dict[int, str] = {}
        self._frames: dict[tuple[bool, int], bytes] = {}
        # By this machine's clock, because that of the camera's host may differ.
        self._received_at = time.monotonic()

    @property
    def is_stale(self) -> bool:
        return time.monotonic() - self._received_at > STALE_S

    @property
    def age_s(self) -> float:
        """Seconds since its capture, by the clocks of this machine and of the camera's host; never below 0."""
        captured_us: int = self.captured_us
        return max(0.0, time.time() - captured_us / 1e6)

    @property
    def captured_at(self) -> str:
        """By the clock of the camera's host, as in its status."""
        return stamp(datetime.fromtimestamp(self.captured_us / 1e6, UTC))

    @property
    def jpeg(self) -> bytes:
        return self.packed[FRAME_HEADER.size :]

    def flags_now(self, *, lowered: bool) -> int:
        """`lowered`: the viewer gets less than the requested quality, for any reason."""
        own: int = self.flags
        return own | (STALE if self.is_stale else 0) | (LOWERED if lowered else 0)

    def binary(self, *, lowered: bool = False) -> bytes:
        """The frame of skycam.live.v1."""
        flags = self.flags_now(lowered=lowered)
        # Mostly all viewers share the bytes as they came, without a copy.
        if flags == self.flags:
            return self.packed
        head = FRAME_HEADER.pack(MAGIC, VERSION, flags, 0, self.number, self.captured_us, self.sent_us)
        return head + self.jpeg

    def text(self, *, lowered: bool = False) -> str:
        """The frame as JSON, made once for all viewers with the same flags."""
        flags = self.flags_now(lowered=lowered)
        if flags not in self._texts:
            self._texts[flags] = self._json(flags)
        return self._texts[flags]

    def frame(self, *, binary: bool, lowered: bool = False) -> bytes:
        """The message `binary` or `text` as a WebSocket frame of a server, made once for all viewers with the same
        flags: for each viewer, the header before a picture would cost a copy of it."""
        key = binary, self.flags_now(lowered=lowered)
        if key not in self._frames:
            content = self.binary(lowered=lowered) if binary else self.text(lowered=lowered).encode()
            self._frames[key] = Frame(Opcode.BINARY if binary else Opcode.TEXT, content).serialize(mask=False)
        return self._frames[key]

    def _json(self, flags: int) -> str:
        # The frame header has no size, and to decode the picture for it takes milliseconds.
        width, height = jpeg_size(self.jpeg)
        return json.dumps(
            {
                "type": "frame",
                "data": base64.b64encode(self.jpeg).decode(),
                "frame_number": self.number,
                "timestamp": self.captured_at,
                "width": width,
                "height": height,
                "quality": self.quality,
                "simulated": bool(flags & SIMULATED),
                "stale": bool(flags & STALE),
                "lowered": bool(flags & LOWERED),
            }
        )


def jpeg_size(jpeg: bytes) -> tuple[int, int]:
    """Width and height in pixels, from the start-of-frame segment; (0, 0) where there is none.

    Source: ITU-T T.81, B.1.
    """
    offset = 2
    while offset + 9 <= len(jpeg) and jpeg[offset] == 0xFF:
        if jpeg[offset + 1] in START_OF_FRAME:
            height, width = struct.unpack_from(">HH", jpeg, offset + 5)
            return width, height
        offset += 2 + int.from_bytes(jpeg[offset + 2 : offset + 4], "big")
    return 0, 0


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
