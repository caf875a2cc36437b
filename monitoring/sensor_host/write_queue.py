"""`WriteQueue`: events and alerts of a host on their way to the database. `LossCounter`: what was dropped, until an
event says so."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

from django.db import DataError, Error, IntegrityError, transaction

from core.background import log_and_continue


class LossCounter:
    """Any thread may count; `record` records an event about a number of losses."""

    def __init__(self, record: Callable[[int], object]) -> None:
        self._record = record
        self._lock = threading.Lock()
        self.total = 0
        """Since the start."""
        self._unreported = 0

    def count(self, number: int) -> None:
        with self._lock:
            self.total += number
            self._unreported += number

    def report(self) -> None:
        """Record the losses since the last report, if there are some. What `record` raises; they are reported later
        then."""
        number = self._unreported
        if number:
            self._record(number)
            with self._lock:
                self._unreported -= number


log = logging.getLogger(__name__)
MAX_WRITES = 1_000
Write = Callable[[], object]


class WriteQueue:
    """Any thread may add; one thread writes. They wait in memory while the database is away; beyond MAX_WRITES the
    oldest are dropped and counted."""

    def __init__(self, losses: LossCounter) -> None:
        self._losses = losses
        self._lock = threading.Lock()
        self._writes: deque[Write] = deque()

    def add(self, write: Write) -> None:
        """`write` records an event or changes an alert. It is called in a transaction, in the order of the additions,
        and again if the database was away."""
        with self._lock:
            self._writes.append(write)
            if len(self._writes) > MAX_WRITES:
                self._writes.popleft()
                self._losses.count(1)

    def write_all(self) -> None:
        """django.db.Error while the database is away: what is not written waits."""
        self._losses.report()
        while self._writes:
            write = self._writes[0]
            if not call_write(write):
                # It would be refused for ever, and all behind it would wait.
                self._losses.count(1)
            with self._lock:
                # A full queue may have dropped it meanwhile.
                if self._writes and self._writes[0] is write:
                    self._writes.popleft()


def call_write(write: Write) -> bool:
    """Whether it was written; one that is refused is logged. django.db.Error while the database is away."""
    is_written = False
    try:
        # Errors of any other kind are refused, too, such as a NUL, for which PostgreSQL's driver raises ValueError.
        with log_and_continue("sensor-writes", unless=(Error,)):
            with transaction.atomic():
                write()
            is_written = True
    except (IntegrityError, DataError):
        log.exception("An event or alert is refused by the database and dropped.")
    return is_written
