"""The web part's address, and a wait until it answers there."""

from __future__ import annotations

import asyncio

LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
TIMEOUT_S = 5.0


def connect_host(host: str) -> str:
    """The address to connect to: loopback for one that means all addresses."""
    return LOOPBACK.get(host, host)


def base_url(host: str, port: int) -> str:
    name = connect_host(host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


async def wait_until_answering(host: str, port: int) -> None:
    """Wait until `/healthz` is answered, with any status."""
    while True:
        try:
            # The launcher's socket accepts before the web part runs: the answer is late, not the connection.
            async with asyncio.timeout(TIMEOUT_S):
                if await _first_line(host, port):
                    return
        except (OSError, TimeoutError):
            pass  # not yet
        await asyncio.sleep(0.1)


async def _first_line(host: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(connect_host(host), port)
    try:
        name = base_url(host, port).removeprefix("http://")
        writer.write(f"GET /healthz HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
        return await reader.readline()
    finally:
        writer.close()
