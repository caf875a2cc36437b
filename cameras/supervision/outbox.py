"""What the Supervisor has to tell database and callers, kept while either is away. Bounded, and the loss counted."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

MOST = 10_000


class Outbox:
    """Calls that write to the database, in order; tried again while it is away."""

    def __init__(self) -> None:
        self._calls: deque[Callable[[], Any]] = deque()
        self._lock = threading.Lock()
        self.lost = 0

    def put(self, call: Callable[[], Any]) -> None:
        with self._lock:
            if len(self._calls) >= MOST:
                self._calls.popleft()
                self.lost += 1
            self._calls.append(call)

    def flush(self) -> None:
        """Make the calls; one that raises stays first in line."""
        while self._calls:
            self._calls[0]()
            with self._lock:
                self._calls.popleft()

    def __len__(self) -> int:
        return len(self._calls)
