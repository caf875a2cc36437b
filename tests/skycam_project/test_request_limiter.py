"""Limits on the requests that run at a time, in total and per address."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from core.limits.refusals import TooManyWaiting, WaitLimiter
from skycam_project.request_limits import RequestLimiter, RequestThreadPool, TooManyRequests
from tests.harness.waiting import PATIENCE_S, eventually_in_loop

HOME, ELSEWHERE = ({"client": (address, 1)} for address in ("192.0.2.1", "198.51.100.1"))
WAIT_S = 0.05
"""How long a request waits for a slot, in tests where none becomes free."""


async def settled() -> None:
    """Let every task run until it waits."""
    [await asyncio.sleep(0) for _ in range(10)]


async def test_a_request_waits_until_another_has_ended() -> None:
    limiter = RequestLimiter(1, 1, timeout_s=PATIENCE_S)
    first = await limiter.acquire(HOME)
    second = asyncio.create_task(limiter.acquire(ELSEWHERE))
    await settled()
    assert not second.done()
    limiter.release(first)
    assert await second == "198.51.100.1"


async def test_a_request_without_a_free_slot_is_refused() -> None:
    limiter = RequestLimiter(1, 1, timeout_s=WAIT_S)
    await limiter.acquire(HOME)
    with pytest.raises(TooManyRequests):
        await limiter.acquire(ELSEWHERE)


async def test_an_address_cannot_use_all_slots() -> None:
    limiter = RequestLimiter(4, 2, timeout_s=PATIENCE_S)
    [await limiter.acquire(HOME) for _ in range(2)]
    third = asyncio.create_task(limiter.acquire(HOME))
    await settled()
    assert not third.done()
    assert await limiter.acquire(ELSEWHERE) == "198.51.100.1"
    third.cancel()
    await asyncio.wait([third])


async def test_an_ipv6_network_counts_as_one_address() -> None:
    limiter = RequestLimiter(4, 1, timeout_s=WAIT_S)
    await limiter.acquire({"client": ("2001:db8::1", 1)})
    with pytest.raises(TooManyRequests):
        await limiter.acquire({"client": ("2001:db8::2", 1)})


async def test_a_cancelled_request_leaves_the_queue() -> None:
    limiter = RequestLimiter(1, 1, timeout_s=PATIENCE_S)
    first = await limiter.acquire(HOME)
    gone, next_ = (asyncio.create_task(limiter.acquire(ELSEWHERE)) for _ in range(2))
    await settled()
    gone.cancel()
    limiter.release(first)
    assert await asyncio.wait_for(next_, PATIENCE_S) == "198.51.100.1"


async def test_a_request_cancelled_just_as_it_gets_a_slot_releases_it() -> None:
    limiter = RequestLimiter(1, 1, timeout_s=PATIENCE_S)
    first = await limiter.acquire(HOME)
    gone = asyncio.create_task(limiter.acquire(ELSEWHERE))
    await settled()
    limiter.release(first)
    gone.cancel()
    await asyncio.wait([gone])
    assert await asyncio.wait_for(limiter.acquire(HOME), PATIENCE_S) == "192.0.2.1"


class Working:
    """Each request works until `end` is set."""

    def __init__(self) -> None:
        self.end = threading.Event()
        self.at_work = 0
        self.most_at_work = 0

    def work(self) -> None:
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        self.end.wait(PATIENCE_S)
        self.at_work -= 1

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await sync_to_async(self.work)()


def request(address: str = "192.0.2.1") -> dict[str, Any]:
    return {"type": "http", "path": "/api/v1/cameras/", "client": (address, 1)}


async def test_the_request_of_a_disconnected_client_keeps_its_slot_until_it_has_ended() -> None:
    application, sent = Working(), asyncio.Queue[Any]()
    pooled = RequestThreadPool(application, limiter=RequestLimiter(1, 1, timeout_s=WAIT_S))
    left = asyncio.create_task(pooled(request(), None, None))
    await eventually_in_loop(lambda: application.at_work)
    left.cancel()
    await asyncio.wait([left])
    await pooled(request(), None, sent.put)
    assert (await sent.get())["status"] == 503
    application.end.set()
    await eventually_in_loop(lambda: not application.at_work and not pooled.limiter.active)
    await pooled(request(), None, None)
    assert application.most_at_work == 1


async def test_a_request_without_a_slot_is_a_problem_with_retry_after() -> None:
    limiter = RequestLimiter(1, 1, timeout_s=WAIT_S)
    await limiter.acquire(HOME)
    sent = asyncio.Queue[Any]()
    await RequestThreadPool(Working(), limiter=limiter)(request(), None, sent.put)
    head, body = await sent.get(), await sent.get()
    assert (b"retry-after", b"2") in head["headers"]
    assert b"/problems/too-busy" in body["body"]


class Streaming:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await sync_to_async(threading.get_ident)()
        await send({"type": "http.response.body", "body": b"piece", "more_body": True})
        await scope["end"].wait()


@pytest.mark.parametrize("keep", [0, 16])
async def test_a_streaming_response_holds_no_slot(keep: int) -> None:
    limiter, sent, end = RequestLimiter(1, 1, timeout_s=PATIENCE_S), asyncio.Queue[Any](), asyncio.Event()
    pooled = RequestThreadPool(Streaming(), keep=keep, limiter=limiter)
    streams = []
    for _ in range(3):
        streams.append(asyncio.create_task(pooled(request() | {"end": end}, None, sent.put)))
        await asyncio.wait_for(sent.get(), PATIENCE_S)
    end.set()
    await asyncio.gather(*streams)
    assert limiter.active == {}


def test_one_user_cannot_use_all_waiting_slots() -> None:
    waiting = WaitLimiter("a thumbnail", most=3, most_per_user=1)
    with waiting.slot("ada"), waiting.slot("bob"):
        with pytest.raises(TooManyWaiting, match="At most 1 requests of one user may wait for a thumbnail"):
            waiting.slot("ada").__enter__()
        with waiting.slot("eve"), pytest.raises(TooManyWaiting, match="At most 3 requests may wait for a thumbnail"):
            waiting.slot("mallory").__enter__()
    with waiting.slot("ada"):
        assert waiting.waiting == {"ada": 1}
