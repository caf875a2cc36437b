"""Limits of requests before Django sees them: bodies of at most 1 MiB, as no page accepts uploads; how many run at a
time, in total and per address, while others wait a few seconds; and the threads that they reuse, with their database
and Redis connections. The service part has responses of its own."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from asgiref.sync import ThreadSensitiveContext
from django.http import HttpResponse

from core.addresses import client_network
from core.api.problems import Problem, is_api
from core.limits.refusals import count_refusal

MAX_BODY_BYTES = 1024 * 1024
TOO_LARGE = f"A request's body has at most {MAX_BODY_BYTES} bytes."
TOO_BUSY = "The station is handling too many requests. Try again in a moment."
RETRY = {"Retry-After": "2"}
EarlyResponse = Callable[[str], HttpResponse]
"""Makes a response from the path of the request."""


def too_large(path: str) -> HttpResponse:
    return _answer(path, "too-large", 413, TOO_LARGE, {})


def too_busy(path: str) -> HttpResponse:
    return _answer(path, "too-busy", 503, TOO_BUSY, RETRY)


def _answer(path: str, problem: str, status: int, sentence: str, headers: dict[str, str]) -> HttpResponse:
    if is_api(path):
        return Problem(problem, sentence, headers=headers).response(path)
    return HttpResponse(sentence, status=status, content_type="text/plain; charset=utf-8", headers=headers)


async def send_response(response: HttpResponse, send: Any) -> None:
    """Send it over ASGI and close the connection."""
    headers = [(name.lower().encode(), value.encode()) for name, value in response.items()]
    # Without the close the server would go on reading the rest of a refused body.
    headers += [(b"content-length", str(len(response.content)).encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})


# Otherwise as many bodies as connections are allowed could fill the memory at the same time.
MAX_TOTAL_BYTES = 64 * MAX_BODY_BYTES


class BodyLimit:
    """ASGI middleware: reads the whole body before the application begins, so that a slow client holds no thread.

    It refuses a body above MAX_BODY_BYTES, also one without a length. All bodies that are being read together take at
    most MAX_TOTAL_BYTES. Runs in one event loop.
    """

    def __init__(self, application: Any, large: EarlyResponse = too_large, busy: EarlyResponse = too_busy) -> None:
        self.application = application
        self.large, self.busy = large, busy
        self._held_bytes = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        # The header may be missing or too low, so `_read` counts again.
        if _length(scope) > MAX_BODY_BYTES:
            await send_response(self.large(scope["path"]), send)
            return
        body = bytearray()
        try:
            refusal, left = await self._read(body, receive)
        # Also when the server cancels the request: bytes that stayed counted would in the end refuse every body.
        finally:
            self._held_bytes -= len(body)
        if refusal:
            await send_response(refusal(scope["path"]), send)
        else:
            # A disconnect comes before the body, so that the application does not take a truncated body for a complete
            # one.
            await self.application(scope, _Replay([*left, message_of(body)], receive), send)

    async def _read(self, body: bytearray, receive: Any) -> tuple[EarlyResponse | None, list[Any]]:
        """Read into `body`. Returns a refusal or None, and the messages to replay first, such as a disconnect."""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None, [message]
            piece = message.get("body", b"")
            if len(body) + len(piece) > MAX_BODY_BYTES:
                return self.large, []
            if self._held_bytes + len(piece) > MAX_TOTAL_BYTES:
                count_refusal("bodies")
                return self.busy, []
            body += piece
            self._held_bytes += len(piece)
            if not message.get("more_body"):
                return None, []


def message_of(body: bytearray) -> dict[str, Any]:
    return {"type": "http.request", "body": bytes(body), "more_body": False}


class _Replay:
    """A `receive` that first replays messages that were read already."""

    def __init__(self, first: list[Any], receive: Any) -> None:
        self._first = first
        self._receive = receive

    async def __call__(self) -> Any:
        return self._first.pop(0) if self._first else await self._receive()


def _length(scope: Any) -> int:
    found = dict(scope["headers"]).get(b"content-length", b"0")
    return int(found) if found.isdigit() else 0


TIMEOUT_S = 5.0
MAX_WAITING = 1000


class TooManyRequests(Exception):
    """No slot became free in time."""


class RequestLimiter:
    """Used by one event loop. Slots go to waiting requests in the order of their arrival, except that a request whose
    address is at its limit lets others go first."""

    def __init__(self, most: int, most_per_address: int, timeout_s: float = TIMEOUT_S) -> None:
        self.most, self.most_per_address, self.timeout_s = most, most_per_address, timeout_s
        self._active: Counter[str] = Counter()
        self._waiting: deque[tuple[str, asyncio.Future[None]]] = deque()

    @property
    def active(self) -> dict[str, int]:
        """How many requests run, by address; an address without one is not listed."""
        return dict(self._active)

    async def acquire(self, scope: Any) -> str:
        """Acquire a slot; pass the returned key to `release`. Raises TooManyRequests."""
        address = client_network((scope.get("client") or ("",))[0])
        # It overtakes no one: release() has offered every free slot to the queue, so all who wait are at their
        # address's limit.
        if self._has_slot(address):
            self._active[address] += 1
            return address
        if len(self._waiting) >= MAX_WAITING:
            count_refusal("requests")
            raise TooManyRequests
        await self._wait(address)
        return address

    async def _wait(self, address: str) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((address, waiter))
        try:
            async with asyncio.timeout(self.timeout_s):
                await waiter
        except TimeoutError:
            self._leave_queue(address, waiter)
            count_refusal("requests")
            raise TooManyRequests from None
        except asyncio.CancelledError:
            self._leave_queue(address, waiter)
            raise

    def _leave_queue(self, address: str, waiter: asyncio.Future[None]) -> None:
        """Leave the queue. A slot that arrived at the same moment goes to the next request."""
        if waiter.done() and not waiter.cancelled():
            self.release(address)
        else:
            self._waiting.remove((address, waiter))

    def release(self, address: str) -> None:
        self._active[address] -= 1
        if not self._active[address]:
            # An entry for each address ever seen would grow without limit.
            del self._active[address]
        for index, (waiting, waiter) in enumerate(self._waiting):
            # A waiter that has timed out or was cancelled stays in the queue until its task runs again.
            if not waiter.done() and self._has_slot(waiting):
                del self._waiting[index]
                self._active[waiting] += 1
                waiter.set_result(None)
                return

    def _has_slot(self, address: str) -> bool:
        return self._active.total() < self.most and self._active[address] < self.most_per_address


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
