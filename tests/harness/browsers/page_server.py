"""A proxy between a browser and a station: serves the test's page, and can block WebSockets as some proxies do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

PAGE = (Path(__file__).parent / "page" / "live.html").read_bytes()
POLICY = "default-src 'self'; img-src 'self' blob: data:; worker-src 'self'; object-src 'none'; base-uri 'none'"
BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
STREAM = b"/stream.mjpeg"
REFUSED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class PageServer:
    def __init__(self, station_port: int) -> None:
        self.station_port = station_port
        self.blocks_websockets = False
        self.blocks_streams = False
        self.is_down = False
        self.streams = 0
        self.refused = 0
        self.port = 0
        self.open: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(writer)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            await self._answer(head, reader, writer)
            writer.close()
            await writer.wait_closed()
        except (asyncio.IncompleteReadError, OSError):
            pass  # the browser or the station has gone
        finally:
            writer.transport.abort()
            self.open.discard(writer)

    async def hang_up(self) -> None:
        """Close all connections: a browser that no longer reads would keep one open after the loop has ended."""
        for writer in self.open:
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _answer(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upgrade = b"upgrade: websocket" in head.lower()
        if head.startswith(b"GET /live.html"):
            writer.write(page())
        elif upgrade and self.blocks_websockets:
            self.refused += 1
            writer.write(REFUSED)
        elif (self.is_down and head.startswith(b"GET /api/")) or (self.blocks_streams and STREAM in head):
            writer.write(BAD_GATEWAY)
        elif STREAM in head:
            await self._pass_stream_on(head, reader, writer)
        else:
            await self._pass_on(head if upgrade else closing(head), reader, writer)

    async def _pass_stream_on(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.streams += 1
        try:
            await self._pass_on(closing(head), reader, writer)
        finally:
            self.streams -= 1

    async def _pass_on(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.station_port)
        back.write(head)
        directions = [asyncio.create_task(pump(reader, back)), asyncio.create_task(pump(there, writer))]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for direction in directions:
                direction.cancel()
            back.transport.abort()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


def page() -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(PAGE)}\r\nConnection: close\r\n"
    return f"{head}Content-Security-Policy: {POLICY}\r\n\r\n".encode() + PAGE


def closing(head: bytes) -> bytes:
    """One request for each connection, so that each one is checked."""
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([lines[0], b"Connection: close", *lines[1:]])


@asynccontextmanager
async def page_server(station_port: int) -> AsyncIterator[PageServer]:
    pages = PageServer(station_port)
    server = await asyncio.start_server(pages.serve, "127.0.0.1", 0)
    pages.port = server.sockets[0].getsockname()[1]
    try:
        yield pages
    finally:
        server.close()
        await pages.hang_up()
