"""Captures begin in the order in which they were asked for."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from captures.pixelink_service.errors import TooMany, TooSlow


class Turns:
    """A lock that is given to who has waited longest. `most` may be between `entered` and its end at once."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._inside = 0
        self._queue: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def entered(self) -> Iterator[None]:
        """TooMany when there are `most` already."""
        with self._changed:
            if self._inside >= self.most:
                raise TooMany(f"{self.most} captures wait already. Ask again when some of them are answered.")
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1

    @contextmanager
    def own_turn(self, patience_s: float) -> Iterator[None]:
        """TooSlow when it does not come in time."""
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            came = self._changed.wait_for(lambda: self._queue[0] is ticket, patience_s)
        try:
            if not came:
                raise TooSlow("The captures before this one took too long; it was not begun.")
            yield
        finally:
            with self._changed:
                self._queue.remove(ticket)
                self._changed.notify_all()
