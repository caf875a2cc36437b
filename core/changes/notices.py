"""The notice of the tables that a transaction has written."""

from __future__ import annotations

import atexit
import functools
import json
import logging
import threading
import time
from collections.abc import Iterable
from typing import TypedDict

from core.broker import broker
from core.changes.gate import CHANNEL
from core.retrying_thread import RetryingThread

log = logging.getLogger(__name__)
MIGRATIONS = "django_migrations"
"""What a migration writes needs no notice: it runs before the parts do."""
RETRY_S = 1.0
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
