"""Keeps the threads of requests, and with them their database and Redis connections."""

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

from skycam_project.early_answers import EarlyAnswer, send_answer, too_busy
from skycam_project.request_places import RequestPlaces, TooManyRequests


def call_soon_if_it_runs(loop: asyncio.AbstractEventLoop, then: Callable[[], None]) -> None:
    """A call may outlast the server, whose loop is closed then."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(then)


class RequestThread(ThreadPoolExecutor):
    """One thread, which knows whether it still works and how many requests may still call on it."""

    def __init__(self) -> None:
        super().__init__(1, thread_name_prefix="request")
        self.requests = 0
        self.retired = False
        self.holder: Any = None
        """The one request that may leave it to others."""
        self.place: str | None = None
        """What its holder has of `RequestPlaces`, until it is given back."""
        self._newest: Future[Any] | None = None

    def submit(self, *args: Any, **kwargs: Any) -> Future[Any]:
        self._newest = self._on_another(*args, **kwargs) if self.retired else super().submit(*args, **kwargs)
        return self._newest

    def retire(self) -> None:
        """The thread ends; what is still called on it runs on one that lives no longer than that."""
        self.retired = True
        self.shutdown(wait=False)

    def _on_another(self, *args: Any, **kwargs: Any) -> Future[Any]:
        other = ThreadPoolExecutor(1, thread_name_prefix="request")
        future = other.submit(*args, **kwargs)
        other.shutdown(wait=False)
        return future

    def when_free(self, then: Callable[[], None]) -> None:
        """Now, or in this event loop once its call has ended."""
        newest = self._newest
        if newest is None or newest.done():
            then()
        else:
            loop = asyncio.get_running_loop()
            newest.add_done_callback(lambda _: call_soon_if_it_runs(loop, then))

    @property
    def busy(self) -> bool:
        return self._newest is not None and not self._newest.done()


class PooledThreads:
    """Runs the synchronous part of each request on a thread that a former request has left.

    Django starts a new thread for each request, so that a persistent connection never meets a second one. With kept
    threads the settings route went from 371 to 492 requests/s on SQLite. A request holds its thread until it has ended,
    so requests never wait for each other; up to `keep` idle threads stay. An answer that streams leaves its thread to
    others with its first piece, since live pictures may go on for hours: only its end calls on that thread again, or on
    another, when there was no room for it and it has ended. The thread of a client that left while its view went on
    working is not used again. For HTTP alone: a WebSocket would hold its thread for hours. Runs in one event loop.

    With `places` there are only so many at work. A request gives its place back when its thread is free, however long
    ago its client has left; one that finds none in time is answered with `busy`.
    """

    def __init__(
        self,
        application: Any,
        keep: int = 16,
        places: RequestPlaces | None = None,
        busy: EarlyAnswer = too_busy,
    ) -> None:
        self.application = application
        self.keep = keep
        self.places = places or RequestPlaces(sys.maxsize, sys.maxsize)
        self.busy = busy
        self._idle: list[RequestThread] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            place = await self.places.take(scope)
        except TooManyRequests:
            await send_answer(self.busy(scope["path"]), send)
            return
        with self._thread(scope, place) as thread:

            async def sending(message: Any) -> None:
                if message.get("more_body"):
                    self._stream(thread, scope)
                await send(message)

            async with ThreadSensitiveContext(executor=thread):
                await self.application(scope, receive, sending)

    @contextmanager
    def _thread(self, request: Any, place: str) -> Iterator[RequestThread]:
        thread = self._idle.pop() if self._idle else RequestThread()
        thread.requests += 1
        thread.holder, thread.place = request, place
        try:
            yield thread
        finally:
            thread.requests -= 1
            if thread.holder is request:
                self._leave(thread)
            if not thread.requests and thread not in self._idle:
                thread.shutdown(wait=False)

    def _stream(self, thread: RequestThread, request: Any) -> None:
        if thread.holder is not request:
            return
        self._leave(thread)
        if not (thread.busy or thread.retired or thread in self._idle):
            thread.retire()

    def _leave(self, thread: RequestThread) -> None:
        """To others, if there is room for it."""
        if thread.place is not None:
            thread.when_free(functools.partial(self.places.give_back, thread.place))
            thread.place = None
        if not (thread.busy or thread.retired or thread in self._idle) and len(self._idle) < self.keep:
            thread.holder = None
            self._idle.append(thread)
