"""MJPEG over HTTP, in asyncio: a source that keeps time with the clock, and a minimal relay of it.

`python -m bench.mjpeg source`, or `relay PORT` of the source: serves on a free loopback port and prints the port.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import sys
import time
from collections.abc import AsyncIterator, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from cameras.drivers.simulated.codec import draw_frame_number

WIDTH, HEIGHT, FPS = 1280, 720, 15
NOISE, SOURCE_QUALITY = 7, 85
"""Make JPEGs of 148 kB."""
QUALITY = 75
"""JPEG quality of everything that is encoded again; the same as Skycam's `medium`."""
GROUNDS = 8
LENGTH = re.compile(rb"Content-Length: *(\d+)", re.IGNORECASE)
REQUEST = b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n"
HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"


class Feed:
    """Sends every frame to each client. A slow client gets the newest frame once it has received the previous one."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._next: asyncio.Future[bytes] = self._loop.create_future()

    def publish(self, jpeg: bytes) -> None:
        given, self._next = self._next, self._loop.create_future()
        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
        given.set_result(head.encode() + jpeg + b"\r\n")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(HEAD)
            while True:
                writer.write(await asyncio.shield(self._next))
                await writer.drain()


async def frames(port: int) -> AsyncIterator[bytes]:
    """The JPEGs that such a server sends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    with contextlib.closing(writer):
        writer.write(REQUEST)
        while True:
            if length := LENGTH.search(await reader.readuntil(b"\r\n\r\n")):
                yield await reader.readexactly(int(length[1]))


def monotonic_us() -> int:
    """A clock that all processes of a machine share."""
    return time.monotonic_ns() // 1000


async def publish_frames(feed: Feed) -> None:
    """Publish frames. The number in a frame is the time when it is sent, in monotonic µs."""
    pictures, began = itertools.cycle(backgrounds()), monotonic_us()
    for number in itertools.count(1):
        due, picture = began + number * 1_000_000 // FPS, next(pictures)
        draw_frame_number(picture, due)
        jpeg = encoded(picture, SOURCE_QUALITY)
        await asyncio.sleep(max(0, due - monotonic_us()) / 1e6)
        feed.publish(jpeg)


def backgrounds() -> Iterator[NDArray[np.uint8]]:
    """Pictures of a static scene with the noise of a camera."""
    scene = np.linspace(40, 160, HEIGHT).reshape(-1, 1, 1)
    random = np.random.default_rng(1)
    for _ in range(GROUNDS):
        yield (scene + random.normal(0, NOISE, (HEIGHT, WIDTH, 3))).clip(0, 255).astype(np.uint8)


async def relay(feed: Feed, port: int) -> None:
    async for jpeg in frames(port):
        feed.publish(encoded(decoded(jpeg), QUALITY))


def encoded(picture: NDArray[np.uint8], quality: int) -> bytes:
    _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return jpeg.tobytes()


def decoded(jpeg: bytes) -> NDArray[np.uint8]:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(picture, np.uint8)


async def main(role: str, *ports: str) -> None:
    feed = Feed()
    server = await asyncio.start_server(feed.serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await (publish_frames(feed) if role == "source" else relay(feed, int(ports[0])))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
