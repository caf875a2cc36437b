"""Which tables of a shared database have changed: who reads them again and again asks only then. Each transaction
names the tables that it has written in a notice on Redis. A notice may be lost, so all is read again at least each
FALLBACK_S, whenever the broker was away, and at the usual interval while it is. A database in a file has no notices:
a question to it costs less."""

from __future__ import annotations

import atexit
import contextvars
import functools
import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypedDict, TypeVar

from django.db import transaction

from core import database_clock
from core.broker import broker
from core.retrying_thread import RetryingThread

log = logging.getLogger(__name__)
FALLBACK_S = 120.0
"""Nothing is read less often, whether or not a notice came."""
SETTLE_S = 3.0
"""After a notice, reading goes on for so long: values that are kept for a moment were read before."""
KEPT = frozenset({"monitoring_stationsetting"})
"""Tables whose values are kept for a moment in each process: one that reads them may ask no database."""
RETRY_S = 1.0
LISTEN_S = 10.0
"""After so long without a message the broker is asked whether the connection still is one; it has as long to answer."""
TABLE = r'(?:"?\w+"?\s*\.\s*)?"?(\w+)'
"""With its schema, or without."""
WRITTEN = re.compile(
    rf"\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|MERGE\s+INTO|COPY)\s+(?:ONLY\s+)?{TABLE}", re.IGNORECASE
)
TRUNCATED = re.compile(
    r"TRUNCATE\s+(?:TABLE\s+)?(.*?)\s*(?:\b(?:RESTART|CONTINUE|CASCADE|RESTRICT)\b.*|;.*)?$", re.IGNORECASE | re.DOTALL
)
FIRST_TABLE = re.compile(rf"\s*(?:ONLY\s+)?{TABLE}", re.IGNORECASE)
READ = re.compile(r'\b(?:FROM|JOIN)\s+(?:ONLY\s+)?(?:"?(\w+)"?\s*\.\s*)?"?(\w+)', re.IGNORECASE)
WRITES = ("INSERT", "UPDATE", "DELETE", "WITH", "MERGE", "COPY")
CHANNEL = "changed-tables"
Result = TypeVar("Result")


class _Reading:
    """One run of a function that reads."""

    def __init__(self) -> None:
        self.tables: set[str] = set()
        self.is_busy = False


_reading: contextvars.ContextVar[_Reading | None] = contextvars.ContextVar("reading", default=None)
_quiet: contextvars.ContextVar[bool] = contextvars.ContextVar("quiet", default=False)


def note_statement(sql: str) -> set[str]:
    """The tables that a statement names as those it writes. Those that it reads are noted for the `ChangeGate` of this
    thread. The database adds none: it has no trigger, and no foreign key that cascades; `TRUNCATE ... CASCADE` and the
    `copy` of a cursor are not used."""
    begin = sql.lstrip()[:8].upper()
    if begin == "TRUNCATE":
        return set() if _quiet.get() else _truncated(sql)
    if begin.startswith(WRITES):
        return set() if _quiet.get() else set(WRITTEN.findall(sql))
    if (reading := _reading.get()) is not None:
        # The name before a point may be a schema, or a table before its column.
        reading.tables.update(name for names in READ.findall(sql) for name in names if name)
    return set()


def _truncated(sql: str) -> set[str]:
    found = TRUNCATED.search(sql)
    named = found[1].split(",") if found else []
    return {table[1] for one in named if (table := FIRST_TABLE.match(one))}


@contextmanager
def without_notice() -> Iterator[None]:
    """For what is written again and again, such as a lease: others read it in their own time."""
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)


def read_again(condition: Callable[[], bool] = lambda: True) -> None:
    """If so, what runs now depends on something else, too, such as the time: it runs again after its usual interval.
    The condition may ask the database; it is called only if it matters."""
    reading = _reading.get()
    if reading is not None and not reading.is_busy:
        reading.is_busy = condition()


@contextmanager
def without_watching() -> Iterator[None]:
    """For what is read once, and kept up to date otherwise: a change of its tables is no reason to read again."""
    token = _reading.set(None)
    try:
        yield
    finally:
        _reading.reset(token)


def in_one_transaction() -> AbstractContextManager[Any]:
    """Several questions cost a shared database one transaction. One in a file would keep its only lock for them."""
    return transaction.atomic() if database_clock.is_shared() else nullcontext()


class ChangeGate:
    """Calls a function only if a table has changed that it has read before; each time if it asks for that with
    `read_again`, or fails. One thread at a time may use it."""

    def __init__(self, fallback_s: float = FALLBACK_S) -> None:
        self._fallback_s = fallback_s
        self._tables = set(KEPT)
        self._ran_at = float("-inf")

    def call(self, work: Callable[[], Result]) -> Result | None:
        """None if nothing is to be done."""
        if not self.is_due():
            return None
        return self.call_now(work)

    def call_now(self, work: Callable[[], Result]) -> Result:
        """Whether or not something has changed."""
        if not database_clock.is_shared():
            return work()
        began, reading, outer = time.monotonic(), _Reading(), _reading.get()
        self._ran_at = float("-inf")
        token = _reading.set(reading)
        try:
            result = work()
        finally:
            _reading.reset(token)
            self._tables |= reading.tables
            if outer is not None:
                outer.tables |= reading.tables
                outer.is_busy |= reading.is_busy
        if not reading.is_busy:
            self._ran_at = began
        return result

    def is_due(self) -> bool:
        if not database_clock.is_shared() or time.monotonic() - self._ran_at >= self._fallback_s:
            return True
        return table_changes().have_changed(self._tables, since=self._ran_at)


class TableChanges:
    """When each table changed last, by the notices of all processes of the station. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed_at: dict[str, float] = {}
        self._listens_since: float | None = None
        """None while notices may be missed."""
        threading.Thread(target=self._run, name="changed-tables", daemon=True).start()

    def have_changed(self, tables: Iterable[str], since: float) -> bool:
        """Whether it is possible. `since` is in time.monotonic()."""
        with self._lock:
            if self._listens_since is None:
                return True
            changed = [self._listens_since, *(self._changed_at.get(one, float("-inf")) for one in tables)]
        return max(changed) + SETTLE_S >= since

    def _run(self) -> None:
        # Not a RetryingThread: a broker that is away is no error here, and others say so.
        while True:
            try:
                self._listen()
            except broker.UNREACHABLE as error:
                log.debug("Changes of tables are not heard: %s", error)
            except Exception:  # without this thread all would be read at the fallback only
                log.exception("A notice of changed tables could not be read.")
            with self._lock:
                self._listens_since = None
            time.sleep(RETRY_S)

    def _listen(self) -> None:
        with broker.connection().pubsub() as notices:  # type: ignore[no-untyped-call]
            notices.subscribe(broker.key(CHANNEL))
            is_asked = False
            while True:
                message = notices.get_message(timeout=LISTEN_S)
                if message is not None:
                    is_asked = False
                    self._note(message)
                elif is_asked:
                    # Behind a network that was cut, nothing else ends a connection on which one only listens.
                    raise TimeoutError(f"The broker has sent nothing for {2 * LISTEN_S:g} s.")
                else:
                    is_asked = True
                    notices.ping()

    def _note(self, message: dict[str, Any]) -> None:
        now = time.monotonic()
        with self._lock:
            if message["type"] == "subscribe":
                self._listens_since = now
            elif message["type"] == "message":
                self._changed_at |= dict.fromkeys(json.loads(message["data"])["tables"], now)


@functools.cache
def table_changes() -> TableChanges:
    """That of this process."""
    return TableChanges()


MIGRATIONS = "django_migrations"
"""What a migration writes needs no notice: it runs before the parts do."""
QUIET_S = 3600.0
AT_EXIT_S = 0.5


class ChangedTables(TypedDict):
    tables: list[str]


class TableAnnouncer:
    """Announces tables on its own thread. Those that the broker did not get are announced again: a reader whose own
    connection was not broken does not know that it missed them, and would read them at its fallback. Any thread may
    use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: set[str] = set()
        self._is_sending = False
        self._thread = RetryingThread("changed-tables-notices", self._send, QUIET_S)
        self._thread.start()

    def add(self, tables: Iterable[str]) -> None:
        """Returns at once."""
        with self._lock:
            self._waiting.update(tables)
        self._thread.wake()

    def finish(self, within_s: float) -> None:
        """Wait until all are announced, at most `within_s` seconds."""
        until = time.monotonic() + within_s
        while self._has_more() and time.monotonic() < until:
            time.sleep(0.005)

    def _has_more(self) -> bool:
        with self._lock:
            return bool(self._waiting) or self._is_sending

    def _send(self) -> float:
        """Returns the seconds until the next call."""
        with self._lock:
            tables, self._waiting = self._waiting, set()
            self._is_sending = True
        try:
            if tables:
                text = json.dumps(ChangedTables(tables=sorted(tables)))
                broker.connection().publish(broker.key(CHANNEL), text)
        except broker.UNREACHABLE as error:
            # Others say that the broker is away.
            log.debug("Changes of tables are not announced yet: %s", error)
            with self._lock:
                self._waiting |= tables
            return RETRY_S
        finally:
            with self._lock:
                self._is_sending = False
        return QUIET_S


@functools.cache
def table_announcer() -> TableAnnouncer:
    """That of this process."""
    announcer = TableAnnouncer()
    # A command that ends at once, such as `skycam alerts ack`, would take its notice with it.
    atexit.register(announcer.finish, AT_EXIT_S)
    return announcer


def announce(tables: Iterable[str]) -> None:
    """After the commit of the transaction that wrote them. Never waits and never fails."""
    names = set(tables)
    if names and MIGRATIONS not in names:
        table_announcer().add(names)
