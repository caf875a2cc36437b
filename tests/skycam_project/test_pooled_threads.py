from __future__ import annotations

import asyncio
import threading
from typing import Any

from asgiref.sync import sync_to_async

from skycam_project.pooled_threads import PooledThreads


class Application:
    """Notes the thread of each request; each waits until `together` requests are there."""

    def __init__(self, together: int) -> None:
        self.threads: list[int] = []
        self.meet = threading.Barrier(together, timeout=5)

    def work(self) -> None:
        self.meet.wait()
        self.threads.append(threading.get_ident())

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await sync_to_async(self.work)()


async def ask(pooled: PooledThreads) -> None:
    await pooled({"type": "http"}, None, None)


async def test_requests_one_after_the_other_share_a_thread_and_so_its_connections() -> None:
    application = Application(together=1)
    pooled = PooledThreads(application)
    for _ in range(3):
        await ask(pooled)
    assert len(set(application.threads)) == 1


async def test_requests_at_the_same_time_do_not_wait_for_each_other() -> None:
    application = Application(together=4)
    pooled = PooledThreads(application, keep=2)
    await asyncio.gather(*(ask(pooled) for _ in range(4)))
    assert len(set(application.threads)) == 4


class Leaving:
    """The first client leaves while its view still works; the view ends when `end` is set."""

    def __init__(self) -> None:
        self.end = threading.Event()
        self.began = threading.Event()

    def work(self) -> None:
        self.began.set()
        self.end.wait(5)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await sync_to_async(self.work if scope["path"] == "slow" else threading.get_ident)()


async def test_a_request_does_not_wait_for_the_view_of_a_client_that_left() -> None:
    application = Leaving()
    pooled = PooledThreads(application)
    slow = asyncio.create_task(pooled({"type": "http", "path": "slow"}, None, None))
    await asyncio.to_thread(application.began.wait, 5)
    slow.cancel()
    await asyncio.wait([slow])
    await asyncio.wait_for(pooled({"type": "http", "path": "quick"}, None, None), timeout=2)
    assert not application.end.is_set()
    application.end.set()
