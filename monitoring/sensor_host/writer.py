"""`ReadingWriter`: writes the readings of a host to the database, in one transaction a second. Until then they wait
in memory. `WriteQueue`: its events and alerts on their way. `LossCounter`: what was dropped, until an event says
so."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from django.db import DatabaseError, DataError, Error, IntegrityError, connection, transaction

from core.background import log_and_continue
from core.events.service import record_event
from core.events.severity import Severity
from core.periodic.thread import PeriodicThread
from core.readings.reading import JudgedReading
from monitoring.sensor_host.journal import ReadingJournal
from monitoring.sensor_host.store import ReadingStore

log = logging.getLogger(__name__)


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


class WaitingReadings:
    """Any thread may use it. Beyond `limit` the oldest are dropped and `count_lost` is told how many."""

    def __init__(self, limit: int, count_lost: Callable[[int], None]) -> None:
        self._limit, self._count_lost = limit, count_lost
        self._lock = threading.Lock()
        self._readings: deque[JudgedReading] = deque()

    def add(self, readings: Iterable[JudgedReading]) -> None:
        with self._lock:
            self._readings.extend(readings)
            self._drop_oldest()

    def put_back(self, readings: Sequence[JudgedReading]) -> None:
        """Before all that have come since they were drained."""
        with self._lock:
            self._readings.extendleft(reversed(readings))
            self._drop_oldest()

    def drain(self) -> list[JudgedReading]:
        with self._lock:
            found = list(self._readings)
            self._readings.clear()
        return found

    def _drop_oldest(self) -> None:
        excess = len(self._readings) - self._limit
        for _ in range(excess):
            self._readings.popleft()
        if excess > 0:
            self._count_lost(excess)


MAX_WAITING = 20_000
"""Readings in memory, while neither the database nor the disk takes them."""
HANGS_S = 5.0
"""A write that takes longer leaves the readings that come meanwhile to the journal: a database that hangs may not
answer for hours, and memory is neither large nor durable."""


class ReadingWriter:
    """Any thread may add; the writer's own thread writes. While the database is away, readings go to the journal, and
    from there in their order when it is back. While the database hangs, a second thread moves them there. `writes` are
    the events and alerts that are written after them."""

    def __init__(self, host: str, journal: ReadingJournal) -> None:
        self._journal, self._rows = journal, ReadingStore()
        self.losses = LossCounter(partial(record_loss, host, "sensor.readings_lost"))
        self.writes = WriteQueue(LossCounter(partial(record_loss, host, "sensor.events_lost")))
        self._waiting = WaitingReadings(MAX_WAITING, self.losses.count)
        self._writing_since: float | None = None
        self._is_away = False
        self._thread = PeriodicThread("reading-writer", self.write, at_end=self.write)
        self._relief = PeriodicThread("reading-relief", self.relieve)

    def start(self) -> None:
        self._thread.start()
        self._relief.start()

    def stop(self, within_s: float = 5.0) -> None:
        """What waits is written, or goes to the journal."""
        self._thread.stop(within_s)
        self._relief.stop(within_s)
        self.relieve(0.0)

    def add(self, readings: Iterable[JudgedReading]) -> None:
        self._waiting.add(readings)

    def write(self) -> None:
        """Write all that waits."""
        self._writing_since = time.monotonic()
        try:
            self._write_new()
            self._replay()
            self.losses.report()
            self.writes.write_all()
        except DatabaseError as error:
            self._note_away(error)
        else:
            self._note_back()
        finally:
            self._writing_since = None

    def relieve(self, hangs_s: float = HANGS_S) -> None:
        """Move what waits to the journal if the current write has lasted for `hangs_s`."""
        since = self._writing_since
        if since is not None and time.monotonic() - since >= hangs_s:
            self._keep(self._waiting.drain())

    def _write_new(self) -> None:
        """What waits in memory, unless older readings are in the journal. DatabaseError."""
        batch = self._waiting.drain()
        try:
            if not self._journal:
                self.losses.count(self._rows.store(batch))
                batch = []
        finally:
            # Also after an error of another kind: the readings are not lost with it.
            self._keep(batch)

    def _replay(self) -> None:
        """The journal's segments, oldest first, until it is empty. DatabaseError."""
        while not self._thread.is_stopping() and (found := self._journal.oldest()) is not None:
            segment, readings = found
            self.losses.count(self._rows.store(readings))
            # A kill before this line writes the segment again, which adds nothing.
            self._journal.remove(segment)

    def _keep(self, batch: Sequence[JudgedReading]) -> None:
        """In the journal, or in memory if the disk refuses."""
        if not batch:
            return
        try:
            self.losses.count(self._journal.append(batch))
        except OSError as error:
            log.warning("Readings wait in memory: the journal cannot be written (%s).", error.strerror)
            self._waiting.put_back(batch)

    def _note_away(self, error: DatabaseError) -> None:
        # It may be broken, also after the database is back.
        connection.close()
        if not self._is_away:
            log.warning("Readings wait in the journal while the database is away (%s).", type(error).__name__)
        self._is_away = True

    def _note_back(self) -> None:
        if self._is_away:
            log.warning("The database is back; the readings that waited are written.")
        self._is_away = False


LOST = {
    "sensor.readings_lost": "readings of sensors",
    "sensor.events_lost": "events or alerts of sensors and alert rules",
}
"""Kind of the event -> what was lost."""


def record_loss(host: str, kind: str, number: int) -> None:
    record_event(
        kind,
        f"{number} {LOST[kind]} on {host} were dropped: the database refused them, or was away for longer than they "
        "could wait.",
        camera=None,
        severity=Severity.ERROR,
        subject=host,
        data={"count": number},
    )
