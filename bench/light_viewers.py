"""Viewers of a live picture that cost the machine little: what is measured is the station.

Twenty clients that make a Python object of each picture take longer for 434 kB than the station needs to send them.
These read into one buffer, and look at the first bytes of each message only.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from cameras.live.publisher import FRAME_HEADER
from tests.harness.clients.station_sockets import BINARY
from tests.harness.clients.viewers import REQUEST, handshake, with_mask
from tests.harness.stations.station import Station

BUFFER_BYTES = 1 << 20
LONGEST_HEAD = 10
"""Of a frame without a mask: two bytes, and a length of eight."""
REQUEST_FRAME = with_mask(REQUEST.encode())
BINARY_FRAME, PING_FRAME, PONG_FRAME = 0x82, 0x89, 0x8A
OUTSTANDING = 2
WAIT_S = 60.0


@dataclass
class SeenFrames:
    """Number, arrival and age of each frame that one viewer received."""

    numbers: list[int] = field(default_factory=list)
    late_ms: list[float] = field(default_factory=list)
    last_bytes: int = 0

    def forget(self) -> None:
        self.numbers.clear()
        self.late_ms.clear()


class LightViewer(asyncio.BufferedProtocol):
    """Sends the handshake, keeps OUTSTANDING requests, and reads the messages as they come. A picture counts as seen
    with its last byte."""

    def __init__(self, hello: bytes) -> None:
        self.seen, self.began = SeenFrames(), asyncio.Event()
        self._hello, self._buffer = hello, bytearray(BUFFER_BYTES)
        self._head = bytearray()
        """The beginning of the message that is being read: its frame's head and the header of its picture."""
        self._left: int | None = None
        """How many bytes of it are still to come; None while its head is incomplete."""
        self._is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._hello)

    def get_buffer(self, _: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, count: int) -> None:
        at = 0
        if not self._is_open:
            self._head += self._buffer[:count]
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            # The station sends nothing before the first request, so nothing follows.
            assert self._head.startswith(b"HTTP/1.1 101"), bytes(self._head[:200])
            self._is_open, self._head = True, bytearray()
            self.transport.write(REQUEST_FRAME * OUTSTANDING)
            return
        while at < count:
            at += self._read_head(at, count) if self._left is None else self._skip(count - at)

    def _read_head(self, at: int, count: int) -> int:
        """Take what is missing of a head from the buffer; returns how many bytes that were."""
        before = len(self._head)
        self._head += self._buffer[at : min(count, at + LONGEST_HEAD + FRAME_HEADER.size - before)]
        if (size := message_size(self._head)) is None or len(self._head) < min(size[0] + FRAME_HEADER.size, sum(size)):
            return len(self._head) - before
        # A message that is shorter than a picture's header may be followed by the next one.
        taken = min(len(self._head), sum(size))
        del self._head[taken:]
        self._left = sum(size) - taken
        if not self._left:
            self._end_message()
        return taken - before

    def _skip(self, most: int) -> int:
        assert self._left is not None
        skipped = min(most, self._left)
        self._left -= skipped
        if not self._left:
            self._end_message()
        return skipped

    def _end_message(self) -> None:
        size = message_size(self._head)
        assert size is not None
        kind, content = self._head[0], self._head[size[0] :]
        if kind == BINARY_FRAME:
            now_us = time.time_ns() // 1000
            _, _, _, _, number, captured_us, _ = FRAME_HEADER.unpack_from(content)
            self.seen.numbers.append(number)
            self.seen.late_ms.append((now_us - captured_us) / 1000)
            self.seen.last_bytes = size[1]
            self.began.set()
        if kind == PING_FRAME:
            self.transport.write(bytes([PONG_FRAME, 0x80 | len(content)]) + bytes(4) + content)
        else:
            self.transport.write(REQUEST_FRAME)
        self._head, self._left = bytearray(), None


def message_size(head: bytes | bytearray) -> tuple[int, int] | None:
    """Sizes of a frame's head and of its content, in bytes; None while the head is incomplete. RFC 6455, 5.2."""
    if len(head) < 2:
        return None
    short = head[1] & 0x7F
    more = {126: 2, 127: 8}.get(short, 0)
    if len(head) < 2 + more:
        return None
    return 2 + more, int.from_bytes(head[2 : 2 + more], "big") if more else short


@contextlib.asynccontextmanager
async def light_viewers(station: Station, count: int, slug: str = "simulated") -> AsyncIterator[list[SeenFrames]]:
    """`count` viewers of a camera, each of which has received a frame."""
    loop, hello = asyncio.get_running_loop(), handshake(station, BINARY, slug=slug)
    viewers = [
        (await loop.create_connection(lambda: LightViewer(hello), "127.0.0.1", station.port))[1] for _ in range(count)
    ]
    try:
        async with asyncio.timeout(WAIT_S):
            await asyncio.gather(*(viewer.began.wait() for viewer in viewers))
        yield [viewer.seen for viewer in viewers]
    finally:
        for viewer in viewers:
            viewer.transport.abort()
