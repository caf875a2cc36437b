"""Bodies are read before a request gets a thread, and their total memory is limited."""

from __future__ import annotations

import asyncio
from typing import Any

from skycam_project.request_limits import MAX_BODY_BYTES, MAX_TOTAL_BYTES, BodyLimit

SCOPE = {"type": "http", "path": "/api/v1/cameras/", "headers": []}


class Application:
    """Records what it receives."""

    def __init__(self) -> None:
        self.received: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.received.append(await receive())


def piece(size: int, *, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": bytes(size), "more_body": more}


async def settled() -> None:
    [await asyncio.sleep(0) for _ in range(10)]


async def test_a_request_begins_once_its_body_is_whole() -> None:
    application, wire = Application(), asyncio.Queue[Any]()
    request = asyncio.create_task(BodyLimit(application)(SCOPE, wire.get, None))
    wire.put_nowait(piece(3, more=True))
    await settled()
    assert application.received == []
    wire.put_nowait(piece(4, more=False))
    await request
    assert application.received == [piece(7, more=False)]


async def test_a_client_that_leaves_while_sending_its_body_counts_as_disconnected() -> None:
    application, wire = Application(), asyncio.Queue[Any]()
    wire.put_nowait(piece(3, more=True))
    wire.put_nowait({"type": "http.disconnect"})
    await BodyLimit(application)(SCOPE, wire.get, None)
    assert application.received == [{"type": "http.disconnect"}]


async def responses_when_full(limit: BodyLimit) -> list[Any]:
    """The responses while bodies of the total limit are read and one more byte arrives; then all clients leave."""
    sent = asyncio.Queue[Any]()
    wires = [asyncio.Queue[Any]() for _ in range(MAX_TOTAL_BYTES // MAX_BODY_BYTES)]
    slow = [asyncio.create_task(limit(SCOPE, wire.get, sent.put)) for wire in wires]
    [wire.put_nowait(piece(MAX_BODY_BYTES, more=True)) for wire in wires]
    await settled()
    late = asyncio.Queue[Any]()
    late.put_nowait(piece(1, more=False))
    await limit(SCOPE, late.get, sent.put)
    [wire.put_nowait({"type": "http.disconnect"}) for wire in wires]
    await asyncio.gather(*slow)
    return [sent.get_nowait() for _ in range(sent.qsize())]


async def test_bodies_above_the_total_limit_are_refused_with_retry_after() -> None:
    head, _ = await responses_when_full(BodyLimit(Application()))
    assert head["status"] == 503


async def test_the_bodies_of_clients_that_left_no_longer_count() -> None:
    limit = BodyLimit(Application())
    first = await responses_when_full(limit)
    assert await responses_when_full(limit) == first
