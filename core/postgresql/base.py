"""The name of this module is Django's: it finds a backend's `DatabaseWrapper` here.

Django keeps a connection for each thread. Threads of a station never end, and each of them needs its connection for a
few milliseconds now and then. Here a thread has a connection only while a statement or a transaction of it runs: a
thread that waits for something else keeps none, whatever its code is. So nothing that belongs to a session of
PostgreSQL outlives a transaction, as behind PgBouncer in transaction mode.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from typing import Any

import psycopg
from django.db import Error
from django.db.backends.postgresql import base
from django.db.backends.signals import connection_created
from django.db.backends.utils import CursorDebugWrapper, CursorWrapper

from core.changes import announce, note_statement
from core.outages import is_read_only
from core.postgresql.application import application_name
from core.postgresql.pool import ConnectionPool, Pooled

_pools: dict[tuple[str, ...], ConnectionPool] = {}
"""By database. Of this process."""


@atexit.register
def close_pools() -> None:
    for one in _pools.values():
        one.close()


# A connection must not be used by two processes.
os.register_at_fork(after_in_child=_pools.clear)


class DatabaseWrapper(base.DatabaseWrapper):
    """What a thread knows about its database. `connection` is None between its transactions."""

    _lent: Pooled | None = None
    _written: frozenset[str] = frozenset()
    """Tables that this transaction has written."""
    _is_announced = False

    def get_connection_params(self) -> dict[str, Any]:
        return {"application_name": application_name(), **super().get_connection_params()}

    def connect(self) -> None:
        self._lent = self._connections.borrow()
        self.connection = self._lent.connection
        self.in_atomic_block = self.closed_in_transaction = self.needs_rollback = self.errors_occurred = False
        self.savepoint_ids, self.atomic_blocks, self.run_on_commit = [], [], []
        self.autocommit, self._written = True, frozenset()
        self.pg_version = self.connection.info.server_version  # or Django would ask with a cursor
        if not self._is_announced:  # once for each thread, so that all are measured
            self._is_announced = True
            connection_created.send(sender=type(self), connection=self)

    def release(self) -> None:
        """Give the connection back, unless a transaction needs it."""
        if self.connection is not None and self.autocommit and not self.in_atomic_block:
            written, self._written = self._written, frozenset()
            self.close()
            announce(written)

    def note_statement(self, sql: Any) -> None:
        if isinstance(sql, str) and (written := note_statement(sql)):
            self._written |= written

    def spoil(self) -> None:
        """The connection leads to a server that is of no use: it is not lent again."""
        if self._lent is not None:
            self._lent.is_spoiled = True

    def get_autocommit(self) -> bool:
        # Django's asks for a connection, which the caller may not need.
        return self.connection is None or bool(self.autocommit)

    def set_autocommit(self, autocommit: bool, force_begin_transaction_with_broken_autocommit: bool = False) -> None:
        try:
            super().set_autocommit(autocommit, force_begin_transaction_with_broken_autocommit)
        finally:
            self.release()  # also when a call of `on_commit` fails, which leaves a committed transaction

    def close_pool(self) -> None:
        """Django's name: its idle connections are closed."""
        self._connections.close()

    def chunked_cursor(self) -> Any:
        # A cursor of the server would keep its connection, also for a reader that never comes to the end.
        return super().chunked_cursor() if self.in_atomic_block else self.cursor()

    def make_cursor(self, cursor: Any) -> CursorWrapper:
        return BorrowingCursor(cursor, self)

    def make_debug_cursor(self, cursor: Any) -> CursorDebugWrapper:
        return BorrowingDebugCursor(cursor, self)

    @property
    def _connections(self) -> ConnectionPool:
        values = self.settings_dict
        key = tuple(str(values[name]) for name in ("HOST", "PORT", "NAME", "USER"))
        # Of one wrapper among equal ones: it is asked for nothing but its settings.
        return _pools.get(key) or _pools.setdefault(key, ConnectionPool(self._open_connection))

    def _open_connection(self) -> psycopg.Connection[Any]:
        opened: psycopg.Connection[Any] = self.get_new_connection(self.get_connection_params())
        opened.autocommit = True
        self._configure_connection(opened)  # type: ignore[attr-defined]  # the stubs are of Django 6
        return opened

    def _close(self) -> None:
        lent, self._lent = self._lent, None
        if lent is not None:
            self._connections.give_back(lent)


class BorrowingCursor(CursorWrapper):
    """Executes each statement on the connection that its thread has then. Rows are fetched by the statement."""

    db: DatabaseWrapper

    def _execute(self, sql: Any, params: Any, *ignored: Any) -> Any:
        return self._on_connection(super()._execute, sql, params, *ignored)  # type: ignore[misc]

    def _executemany(self, sql: Any, params: Any, *ignored: Any) -> Any:
        return self._on_connection(super()._executemany, sql, params, *ignored)  # type: ignore[misc]

    def close(self) -> None:
        self.cursor.close()
        self.db.release()

    def _on_connection(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        self.db.ensure_connection()
        if self.cursor.connection is not self.db.connection:  # another one has been lent since the last statement
            self.cursor = self.db.create_cursor()
        self.db.note_statement(arguments[0])
        try:
            return execute(*arguments)
        except Error as error:
            if is_read_only(error):
                self.db.spoil()
            raise
        finally:
            self.db.release()


class BorrowingDebugCursor(BorrowingCursor, CursorDebugWrapper):
    pass
