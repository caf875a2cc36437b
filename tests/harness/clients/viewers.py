"""Programs that watch live pictures: well-behaved ones and bad ones."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import socket
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import pairwise

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from cameras.live.publisher import FRAME_HEADER
from tests.harness.clients.station_sockets import BINARY, open_socket
from tests.harness.stations.station import Station
from tests.harness.waiting import PATIENCE_S, eventually_in_loop

LIVE = "/ws/live/simulated/"
REQUEST = json.dumps({"type": "request_frame", "quality": "medium"})
LARGE = json.dumps({"type": "request_frame", "quality": "high"}).encode()


@dataclass
class ReceivedFrames:
    """What one viewer received: the number of each frame and when it was encoded; and the reasons of no_frame."""

    numbers: list[int] = field(default_factory=list)
    sent_us: list[int] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def receive(self, message: str | bytes) -> None:
        if isinstance(message, str):
            self.reasons.append(json.loads(message).get("reason", ""))
            return
        *_, number, _, sent_us = FRAME_HEADER.unpack_from(message)
        self.numbers.append(number)
        self.sent_us.append(sent_us)

    @property
    def restarts(self) -> int:
        """How often the camera's numbers started again."""
        return sum(later < number for number, later in pairwise(self.numbers))


async def received_further(seen: list[ReceivedFrames], frames: int) -> None:
    """Wait until each of these viewers has received that number of further frames: for each, as a busy machine sends
    few in a second."""
    before = [len(one.numbers) for one in seen]
    for number in range(frames):
        expected = [count + number for count in before]
        await eventually_in_loop(
            functools.partial(have_more_than, seen, expected),
            f"frame {number + 1} of {frames}: {[one.reasons[-1:] for one in seen]}",
        )


def have_more_than(seen: list[ReceivedFrames], counts: list[int]) -> bool:
    return all(len(one.numbers) > count for one, count in zip(seen, counts, strict=True))


async def watch(station: Station, seen: ReceivedFrames) -> None:
    """Watch with two outstanding requests, for ever."""
    async with open_socket(station, LIVE, BINARY) as opened:
        await opened.send(REQUEST)
        while True:
            await opened.send(REQUEST)
            seen.receive(await opened.recv())


@contextlib.asynccontextmanager
async def watching(station: Station, count: int) -> AsyncIterator[list[ReceivedFrames]]:
    """`count` viewers, each of which has received a frame."""
    seen = [ReceivedFrames() for _ in range(count)]
    tasks = [asyncio.create_task(watch(station, one)) for one in seen]
    try:
        await eventually_in_loop(lambda: any(task.done() for task in tasks) or all(one.numbers for one in seen))
        [task.result() for task in tasks if task.done()]
        yield seen
    finally:
        [task.cancel() for task in tasks]
        await asyncio.gather(*tasks, return_exceptions=True)


class NonReadingViewer:
    """Requests large frames and never reads one. `is_cut`: the station has closed the connection."""

    def __init__(self, station: Station) -> None:
        self.station = station
        self.is_cut = False

    async def run(self) -> None:
        with contextlib.suppress(OSError):
            await self._never_read()
        self.is_cut = True

    async def _never_read(self) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket() as wire:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            wire.setblocking(False)
            await loop.sock_connect(wire, ("127.0.0.1", self.station.port))
            await loop.sock_sendall(wire, handshake(self.station))
            while True:
                await loop.sock_sendall(wire, with_mask(LARGE))
                await asyncio.sleep(0.2)  # time: the rate of this viewer


@contextlib.asynccontextmanager
async def hung_up(opened: ClientConnection) -> AsyncIterator[None]:
    """Close without a closing handshake: a cancelled handshake would leave the connection open for good."""
    try:
        yield
    finally:
        opened.transport.abort()


async def reconnect_repeatedly(station: Station) -> None:
    while True:
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            async with open_socket(station, LIVE) as opened, hung_up(opened):
                await opened.send(REQUEST)
                await opened.recv()
        await asyncio.sleep(0.5)  # time: this viewer comes back after a while


async def send_garbage(station: Station) -> None:
    """Send garbage until the station closes the socket, then ten megabytes."""
    while True:
        with contextlib.suppress(ConnectionClosed, OSError):
            async with open_socket(station, LIVE) as opened, hung_up(opened):
                [await opened.send(text) for text in ("garbage", "{", '{"type": "none"}', '{"type": 1}') * 8]
        with contextlib.suppress(ConnectionClosed, OSError):
            async with open_socket(station, LIVE) as opened, hung_up(opened):
                await opened.send("x" * 10_000_000)
                await opened.recv()
        await send_raw(station, frame_head(4) + bytes(4) + b"\xff\xfe\xfd\xfc")
        await asyncio.sleep(0.5)  # time: this viewer comes back after a while


async def send_raw(station: Station, data: bytes) -> bytes:
    """Send bytes after a handshake; returns the first answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", station.port)
    try:
        writer.write(handshake(station))
        await reader.readuntil(b"\r\n\r\n")
        writer.write(data)
        async with asyncio.timeout(PATIENCE_S):
            return await reader.read(1000)
    finally:
        writer.transport.abort()


def handshake(station: Station, *subprotocols: str, slug: str = "simulated") -> bytes:
    key = b64encode(os.urandom(16)).decode()
    lines = [
        f"GET /ws/live/{slug}/ HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", f"Authorization: Token {station.api.token}",
        *(f"Sec-WebSocket-Protocol: {name}" for name in subprotocols),
    ]  # fmt: skip
    return "\r\n".join([*lines, "", ""]).encode()


def frame_head(length: int) -> bytes:
    """The header of a text frame with a mask (RFC 6455), of less than 126 bytes."""
    return bytes([0x81, 0x80 | length])


def with_mask(text: bytes) -> bytes:
    return frame_head(len(text)) + bytes(4) + text
