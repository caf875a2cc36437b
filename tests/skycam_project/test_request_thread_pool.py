from __future__ import annotations

import asyncio
import threading
from collections import Counter
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from skycam_project.request_limits import RequestThreadPool
from tests.harness.waiting import PATIENCE_S, eventually_in_loop


class Application:
    """Records the thread of each request. Each waits until `together` requests have arrived."""

    def __init__(self, together: int) -> None:
        self.threads: list[threading.Thread] = []
        self.meet = threading.Barrier(together, timeout=PATIENCE_S)

    def work(self) -> None:
        self.meet.wait()
        self.threads.append(threading.current_thread())

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await sync_to_async(self.work)()


async def send_request(pooled: RequestThreadPool) -> None:
    await pooled({"type": "http"}, None, None)


async def test_requests_one_after_the_other_share_a_thread_and_so_its_connections() -> None:
    application = Application(together=1)
    pooled = RequestThreadPool(application)
    for _ in range(3):
        await send_request(pooled)
    assert len(set(application.threads)) == 1


async def test_requests_at_the_same_time_do_not_wait_for_each_other() -> None:
    application = Application(together=4)
    pooled = RequestThreadPool(application, keep=2)
    await asyncio.gather(*(send_request(pooled) for _ in range(4)))
    assert len(set(application.threads)) == 4


class Leaving:
    """The first client disconnects while its view still runs. The view ends when `end` is set."""

    def __init__(self) -> None:
        self.end = threading.Event()
        self.began = threading.Event()

    def work(self) -> None:
        self.began.set()
        self.end.wait(PATIENCE_S)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await sync_to_async(self.work if scope["path"] == "slow" else threading.get_ident)()


async def test_a_request_does_not_wait_for_the_view_of_a_disconnected_client() -> None:
    application = Leaving()
    pooled = RequestThreadPool(application)
    slow = asyncio.create_task(pooled({"type": "http", "path": "slow"}, None, None))
    await asyncio.to_thread(application.began.wait, PATIENCE_S)
    slow.cancel()
    await asyncio.wait([slow])
    await asyncio.wait_for(pooled({"type": "http", "path": "quick"}, None, None), timeout=PATIENCE_S)
    assert not application.end.is_set()
    application.end.set()


class Streaming:
    """Each answer is a chunk, and a last one when `end` is set. Closing it runs on the request's thread."""

    def __init__(self) -> None:
        self.end = asyncio.Event()
        self.opened: list[threading.Thread] = []
        self.closed: list[threading.Thread] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.opened.append(await sync_to_async(threading.current_thread)())
        await send({"type": "http.response.body", "body": b"piece", "more_body": True})
        await self.end.wait()
        self.closed.append(await sync_to_async(threading.current_thread)())


@pytest.mark.parametrize("keep", [1, 16])
async def test_streams_hold_no_thread_while_they_run_and_end_by_themselves(keep: int) -> None:
    application, sent = Streaming(), asyncio.Queue[Any]()
    pooled = RequestThreadPool(application, keep=keep)
    streams = []
    for _ in range(5):
        streams.append(asyncio.create_task(pooled({"type": "http"}, None, sent.put)))
        await sent.get()
    application.end.set()
    await asyncio.gather(*streams)
    assert len(set(application.opened)) == 1
    assert Counter(application.closed) == Counter(application.opened)


async def test_a_thread_of_a_stream_outlives_the_requests_that_used_it_meanwhile() -> None:
    streaming, sent = Streaming(), asyncio.Queue[Any]()
    pooled = RequestThreadPool(streaming, keep=1)
    stream = asyncio.create_task(pooled({"type": "http"}, None, sent.put))
    await sent.get()
    pooled.application = Application(together=2)
    await asyncio.gather(send_request(pooled), send_request(pooled))
    streaming.end.set()
    await stream
    assert streaming.closed == streaming.opened


async def test_a_stream_continues_when_its_thread_is_not_kept() -> None:
    application, sent = Streaming(), asyncio.Queue[Any]()
    stream = asyncio.create_task(RequestThreadPool(application, keep=0)({"type": "http"}, None, sent.put))
    await sent.get()
    await eventually_in_loop(lambda: not application.opened[0].is_alive())
    application.end.set()
    await stream
    assert len(application.closed) == 1


class Waiting:
    """A request that has not used its thread yet, then works on it until `meet` has both."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.may_work = asyncio.Event()
        self.meet = threading.Barrier(2, timeout=PATIENCE_S)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.begun.set()
        await self.may_work.wait()
        await sync_to_async(self.meet.wait)()


async def test_a_stream_does_not_return_a_thread_that_another_request_uses() -> None:
    streaming, sent, waiting = Streaming(), asyncio.Queue[Any](), Waiting()
    pooled = RequestThreadPool(streaming)
    stream = asyncio.create_task(pooled({"type": "http"}, None, sent.put))
    await sent.get()
    pooled.application = waiting
    first = asyncio.create_task(send_request(pooled))
    await waiting.begun.wait()
    streaming.end.set()
    await stream
    second = asyncio.create_task(send_request(pooled))
    waiting.may_work.set()
    await asyncio.gather(first, second)
