"""`DeliveryThread`: searches for what is due, and attempts each on a thread of a bounded pool."""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable, Iterable
from typing import Any, NamedTuple, Protocol

from django.db import connection

from core.background import log_and_continue
from core.changes.gate import read_again
from core.deliveries.pool import ReceiverPool
from core.periodic.thread import PeriodicThread


class Due(NamedTuple):
    """What may be attempted now, and for which receiver; a receiver that fails has fewer threads."""

    receiver: Hashable
    item: Any
    is_failing: bool = False


class Attempt(NamedTuple):
    """`is_slow`: whether it took so long that others must not wait for its receiver."""

    is_slow: bool = False


class Deliveries(Protocol):
    """What a DeliveryThread delivers. Each function asks the database: the rows are the truth, so that a kill at any
    moment loses nothing."""

    def maintain(self) -> None:
        """What is to be done from time to time, such as the release of lost leases. On the thread that searches."""

    def due(self) -> Iterable[Due]:
        """The one that waits longest comes first. On the thread that searches."""

    def attempt(self, item: Any) -> Attempt | None:
        """Take and attempt what was due; None if another process has taken it. On a thread of the pool."""

    def depends_on_time(self) -> bool:
        """Whether something may be due later although no row changes. On the thread that searches."""


class DeliveryThread:
    """The one of a process for its `deliveries`. `task` has its interval in the table of periodic work, and errors are
    counted under its name. `wake` only makes it search at once: it searches at each interval, if the database may have
    changed. `poll_s` is for tests."""

    def __init__(
        self, task: str, deliveries: Deliveries, pool: ReceiverPool, *, poll_s: float | None = None,
        maintain_s: float | None = None,
    ) -> None:  # fmt: skip
        self._name, self._deliveries, self._pool = task, deliveries, pool
        self._thread = PeriodicThread(task, self._search, interval_s=poll_s)
        # Too expensive for each event that wakes the thread.
        self._maintain_s = self._thread.interval_s if maintain_s is None else maintain_s
        self._maintained_at = float("-inf")

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Search now. Any thread may call it."""
        self._thread.wake()

    def is_stopping(self) -> bool:
        """Whether an attempt that takes long is to end soon."""
        return self._thread.is_stopping()

    def request_stop(self) -> None:
        """Returns at once; for signal handlers."""
        self._thread.request_stop()

    def stop(self, within_s: float = 1.0) -> None:
        """An attempt that still runs ends with the process, and is repeated after its lease."""
        until = time.monotonic() + within_s
        self._thread.stop(within_s)
        self._pool.wait_until_empty(max(0.0, until - time.monotonic()))

    def _search(self) -> None:
        if time.monotonic() - self._maintained_at >= self._maintain_s:
            self._deliveries.maintain()
            self._maintained_at = time.monotonic()
        if not self._pool.is_full():
            for due in self._deliveries.due():
                if self._thread.is_stopping():
                    return
                if self._pool.reserve(due.receiver, is_failing=due.is_failing):
                    self._start(due)
        read_again(lambda: self._pool.is_full() or self._deliveries.depends_on_time())

    def _start(self, due: Due) -> None:
        name = f"{self._name}-{due.receiver}"
        try:
            # A daemon, so that an attempt which hangs does not keep the process from ending.
            threading.Thread(target=self._attempt, args=(due,), name=name, daemon=True).start()
        except BaseException:
            self._pool.release(due.receiver)
            raise

    def _attempt(self, due: Due) -> None:
        attempt = None
        try:
            with log_and_continue(self._name):
                attempt = self._deliveries.attempt(due.item)
        finally:
            # The connection of a thread that ends would stay open.
            connection.close()
            self._pool.release(due.receiver, was_slow=None if attempt is None else attempt.is_slow)
        # For the next one of the receiver, or of one that waits for the pool. Not after an error, which would come back
        # without a pause.
        if attempt is not None:
            self._thread.wake()
