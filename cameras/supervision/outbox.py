"""What the Supervisor has to tell database and callers, kept while either is away. Bounded, and the loss counted."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from django.db import InterfaceError, OperationalError

log = logging.getLogger(__name__)
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
        """Make the calls. One that meets no database raises and stays first in line; one that fails otherwise
        can never be made: it is logged and counted."""
        while self._calls:
            with self._lock:
                call = self._calls.popleft()
            try:
                call()
            except (OperationalError, InterfaceError, OSError):
                with self._lock:
                    self._calls.appendleft(call)
                raise
            except Exception:
                self.lost += 1
                log.exception("Something that was to be told cannot be told.")

    def __len__(self) -> int:
        return len(self._calls)
