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
