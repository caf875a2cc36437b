"""Reuses the threads of requests, and with them their database and Redis connections."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from asgiref.sync import ThreadSensitiveContext

from skycam_project.body_limit import EarlyResponse, send_response, too_busy
from skycam_project.request_limiter import RequestLimiter, TooManyRequests


def call_soon_if_running(loop: asyncio.AbstractEventLoop, then: Callable[[], None]) -> None:
    """Schedule `then`, unless the loop is closed: a call may outlast the server."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(then)


class RequestThread(ThreadPoolExecutor):
    """One thread, with the number of requests that may still use it."""

    def __init__(self) -> None:
        super().__init__(1, thread_name_prefix="request")
        self.requests = 0
        self.retired = False
        self.holder: Any = None
        """The one request that may return the thread to the pool."""
        self.slot: str | None = None
        """The holder's slot in the `RequestLimiter`, until it is released."""
        self._newest: Future[Any] | None = None

    def submit(self, *args: Any, **kwargs: Any) -> Future[Any]:
        # An executor that has been shut down raises RuntimeError, but the end of a stream still needs a thread.
        self._newest = self._submit_to_new_thread(*args, **kwargs) if self.retired else super().submit(*args, **kwargs)
        return self._newest

    def retire(self) -> None:
        """End the thread. Later calls each run on a short-lived thread of their own."""
        self.retired = True
        self.shutdown(wait=False)

    def _submit_to_new_thread(self, *args: Any, **kwargs: Any) -> Future[Any]:
        other = ThreadPoolExecutor(1, thread_name_prefix="request")
        future = other.submit(*args, **kwargs)
        # The thread ends after the call that has just been submitted.
        other.shutdown(wait=False)
        return future

    def when_free(self, then: Callable[[], None]) -> None:
        """Call `then` now if the thread is idle, else in this event loop once its current call has ended."""
        newest = self._newest
        if newest is None or newest.done():
            then()
        else:
            loop = asyncio.get_running_loop()
            newest.add_done_callback(lambda _: call_soon_if_running(loop, then))

    @property
    def busy(self) -> bool:
        return self._newest is not None and not self._newest.done()


class RequestThreadPool:
    """ASGI middleware: runs the synchronous part of each request on a pooled thread.

    Django starts a new thread for each request, so persistent database connections are never reused. With pooled
    threads the settings route went from 371 to 492 requests/s on SQLite. A request holds its thread until it has ended,
    so requests never wait for each other. Up to `keep` idle threads stay. Use it for HTTP only: a WebSocket would hold
    its thread for hours. Runs in one event loop.

    A streaming response returns its thread to the pool with its first chunk, because a live stream may last for hours.
    Only its end uses that thread again, or a new one when the pool was full. The thread of a client that disconnected
    while its view still runs is not reused.

    `limiter` limits how many requests run. A request releases its slot when its thread is free, even if its client
    disconnected long ago. A request without a slot in time is answered with `busy`.
    """

    def __init__(
        self,
        application: Any,
        keep: int = 16,
        limiter: RequestLimiter | None = None,
        busy: EarlyResponse = too_busy,
    ) -> None:
        self.application = application
        self.keep = keep
        self.limiter = limiter or RequestLimiter(sys.maxsize, sys.maxsize)
        self.busy = busy
        self._idle: list[RequestThread] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            slot = await self.limiter.acquire(scope)
        except TooManyRequests:
            await send_response(self.busy(scope["path"]), send)
            return
        with self._thread(scope, slot) as thread:

            async def send_message(message: Any) -> None:
                if message.get("more_body"):
                    # Before the chunk is sent: sending waits for a slow client.
                    self._begin_stream(thread, scope)
                await send(message)

            # Django's handler enters a ThreadSensitiveContext of its own; without an executor the inner one keeps the
            # outer one's.
            async with ThreadSensitiveContext(executor=thread):
                await self.application(scope, receive, send_message)

    @contextmanager
    def _thread(self, request: Any, slot: str) -> Iterator[RequestThread]:
        thread = self._idle.pop() if self._idle else RequestThread()
        thread.requests += 1
        thread.holder, thread.slot = request, slot
        try:
            yield thread
        finally:
            thread.requests -= 1
            # A stream has returned its thread already, which may have a new holder by now.
            if thread.holder is request:
                self._return_thread(thread)
            # A stream that returned its thread still counts in `requests`: it runs its last calls there.
            if not thread.requests and thread not in self._idle:
                thread.shutdown(wait=False)

    def _begin_stream(self, thread: RequestThread, request: Any) -> None:
        if thread.holder is not request:
            return
        self._return_thread(thread)
        # The pool had no room. A stream of hours would otherwise keep the thread and its connections.
        if not (thread.busy or thread.retired or thread in self._idle):
            thread.retire()

    def _return_thread(self, thread: RequestThread) -> None:
        """Release the slot, and return the thread to the pool if there is room."""
        if thread.slot is not None:
            # Not at once: after a disconnect the view may still run, and it would not count. Once only, because a
            # stream comes here at its begin and at its end.
            thread.when_free(functools.partial(self.limiter.release, thread.slot))
            thread.slot = None
        # The next request on a busy thread would wait for the view of a client that disconnected.
        if not (thread.busy or thread.retired or thread in self._idle) and len(self._idle) < self.keep:
            thread.holder = None
            self._idle.append(thread)
