"""Database writes of the Supervisor, kept while the database is away. Bounded; losses are counted."""

from __future__ import annotations

import functools
import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, DataError, IntegrityError, transaction

from cameras.supervision.lease import LeaseLost
from cameras.supervision.ports import Fence
from core import database_damage

log = logging.getLogger(__name__)
MAX_CALLS = 10_000


class Outbox:
    """Calls that write to the database, in order; retried while it is away. `_lock` guards the queue. Any thread may
    call `add`; only the database thread calls `flush`."""

    def __init__(self, fence: Fence, wake: Callable[[], None] = lambda: None) -> None:
        """`wake` wakes the database thread after each call that is added."""
        self._fence, self._wake = fence, wake
        self._calls: deque[Callable[[], Any]] = deque()
        self._lock = threading.Lock()
        self.lost = 0

    def add(self, write: Callable[[], Any], committed: Callable[[], None] = lambda: None) -> None:
        """Add a transaction, and what is called once it is committed."""
        self.add_call(functools.partial(self._commit, write, committed))

    def add_call(self, call: Callable[[], Any]) -> None:
        """Add a call that checks the fence in its own transactions."""
        with self._lock:
            if len(self._calls) >= MAX_CALLS:
                self._calls.popleft()
                self.lost += 1
            self._calls.append(call)
        self._wake()

    def flush(self) -> None:
        """Make the calls. While the database is away, or another machine has this host's name (LeaseLost), the first
        call stays first. A call that can never succeed is dropped, logged and counted, or it would block all calls
        after it."""
        while len(self):
            with self._lock:
                # Removed before it is made: if it stayed first, an overflow meanwhile would drop it, and its removal
                # afterwards would remove the next call, which was never made.
                call = self._calls.popleft()
            try:
                # Without the lock, so that no thread waits for the database in `add`.
                call()
            except Exception as error:
                if isinstance(error, LeaseLost) or is_away(error):
                    with self._lock:
                        self._calls.appendleft(call)
                    raise
                with self._lock:
                    self.lost += 1
                database_damage.note_if_damage(error, "recorded an event")
                log.exception("A write to the database failed for good and was dropped.")

    def _commit(self, write: Callable[[], Any], committed: Callable[[], None]) -> None:
        with transaction.atomic():
            self._fence.check()
            write()
        committed()

    def __len__(self) -> int:
        with self._lock:
            return len(self._calls)


def is_away(error: Exception) -> bool:
    """Whether the database is away, so that the same call may succeed later."""
    # IntegrityError and DataError are DatabaseErrors too, but about the values: the same call would fail again.
    if not isinstance(error, DatabaseError) or isinstance(error, (IntegrityError, DataError)):
        return False
    # A damaged table must not keep back what other tables take.
    return not database_damage.is_damage(error)
