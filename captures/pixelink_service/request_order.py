"""Captures begin in the order of their requests."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from captures.pixelink_service.errors import TooMany, TooSlow


class RequestOrder:
    """A first-in, first-out lock (`wait_turn`), with a limit of concurrent requests (`admit`)."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._admitted = 0
        self._queue: deque[object] = deque()
        self._changed = threading.Condition()

    @property
    def queued(self) -> int:
        """How many requests hold the lock or wait for it."""
        return len(self._queue)

    @contextmanager
    def admit(self) -> Iterator[None]:
        """TooMany when `limit` requests are admitted already."""
        with self._changed:
            if self._admitted >= self.limit:
                raise TooMany(f"{self.limit} captures are waiting already. Try again when some of them have finished.")
            # Counted until the capture has its outcome: each request holds a thread of the service until then.
            self._admitted += 1
        try:
            yield
        finally:
            with self._changed:
                self._admitted -= 1

    @contextmanager
    def wait_turn(self, timeout_s: float) -> Iterator[None]:
        """Hold the lock. TooSlow when it is not free within `timeout_s`."""
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            in_time = self._changed.wait_for(lambda: self._queue[0] is ticket, timeout_s)
        try:
            if not in_time:
                raise TooSlow("The captures before this one took too long, so this capture was not started.")
            yield
        finally:
            with self._changed:
                # Not popleft(): a request that waited too long leaves from the middle. All wake up, since notify()
                # could choose one that is not the first.
                self._queue.remove(ticket)
                self._changed.notify_all()
