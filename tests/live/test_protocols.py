"""uvicorn with our protocols: a stream ends with its client, even if the client has sent further requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
import uvicorn

from skycam_project.config.web import LimitsConfig
from skycam_project.launch.protocols import ConnectionLimiter, HttpProtocol
from tests.harness.waiting import PATIENCE_S

FEED = b"GET /video/feed?quality=low HTTP/1.1\r\nHost: localhost\r\n\r\n"
REQUEST = b"GET /stream.mjpeg HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Endless:
    """An application that streams until its client has gone."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        sending = asyncio.create_task(self.send_chunks(send))
        await receive()
        sending.cancel()
        self.ended.set()

    async def send_chunks(self, send: Any) -> None:
        while True:
            await send({"type": "http.response.body", "body": bytes(100_000), "more_body": True})
            await asyncio.sleep(0)


@pytest_asyncio.fixture
async def endless() -> Endless:
    return Endless()


@pytest.fixture
def stalled_s() -> float:
    return HttpProtocol.stalled_s


@asynccontextmanager
async def connected(
    application: Any, limits: LimitsConfig, keep_alive_s: int = 5, stalled_s: float = HttpProtocol.stalled_s
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a server of the application."""
    config = uvicorn.Config(
        application, http=HttpProtocol, lifespan="off", log_config=None, timeout_keep_alive=keep_alive_s
    )
    config.load()
    state = uvicorn.server.ServerState()
    limited = {"connection_limiter": ConnectionLimiter(limits, []), "stalled_s": stalled_s}
    counted = type("Counted", (HttpProtocol,), limited)
    listening = await asyncio.get_running_loop().create_server(lambda: counted(config, state, {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
    yield reader, writer
    writer.close()
    listening.close()


@pytest_asyncio.fixture
async def wire(endless: Endless, stalled_s: float) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with connected(endless, LimitsConfig(), stalled_s=stalled_s) as streams:
        yield streams


async def answer_at_once(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


async def test_a_slow_head_behind_a_complete_request_is_disconnected() -> None:
    async with connected(answer_at_once, LimitsConfig(head_s=1), keep_alive_s=1) as (reader, writer):
        writer.write(REQUEST + b"GET /healthz HTTP/1.1\r\nX-Slow: ")
        assert (await asyncio.wait_for(reader.read(), PATIENCE_S)).startswith(b"HTTP/1.1 200")


async def test_a_head_that_began_behind_a_pending_answer_has_its_own_time() -> None:
    """Beside a keep-alive time that does not end."""
    async with connected(answer_at_once, LimitsConfig(head_s=1), keep_alive_s=3600) as (reader, writer):
        writer.write(REQUEST + b"GET /healthz HTTP/1.1\r\nX-Slow: ")
        answers = await asyncio.wait_for(reader.read(), PATIENCE_S)
    assert answers.startswith(b"HTTP/1.1 200")
    assert b"HTTP/1.1 408 Request Timeout" in answers


@pytest.mark.parametrize("requests", [1, 2], ids=["alone", "with another behind it"])
async def test_a_stream_ends_when_its_client_leaves(requests: int, wire: Any, endless: Endless) -> None:
    reader, writer = wire
    writer.write(REQUEST * requests)
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()
    await asyncio.wait_for(endless.ended.wait(), PATIENCE_S)


@pytest.mark.parametrize("request_of", [REQUEST, REQUEST * 2, FEED], ids=["alone", "with another behind it", "service"])
@pytest.mark.parametrize("stalled_s", [0.5])
async def test_a_stream_ends_when_its_client_does_not_read(request_of: bytes, wire: Any, endless: Endless) -> None:
    wire[1].write(request_of)
    await asyncio.wait_for(endless.ended.wait(), PATIENCE_S)
