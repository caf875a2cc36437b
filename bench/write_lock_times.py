"""The transactions of this process on SQLite, and how long each holds the write lock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple, Self

from django.db import connection

WRITES = ("INSERT", "UPDATE", "DELETE")


class Held(NamedTuple):
    wall_ms: float
    processor_ms: float


class LockTimes:
    """A context manager. A transaction holds the lock from its BEGIN IMMEDIATE, as the station begins all of them; a
    statement outside of one holds it while it runs."""

    def __init__(self) -> None:
        self.longest, self.number = Held(0.0, 0.0), 0
        self._began: tuple[float, float] | None = None
        self._wrapper = connection.execute_wrapper(self._execute)
        self._ends = {name: getattr(connection, name) for name in ("commit", "rollback")}

    def __enter__(self) -> Self:
        connection.ensure_connection()
        self._wrapper.__enter__()
        for name, end in self._ends.items():
            setattr(connection, name, lambda end=end: self._end(end))
        return self

    def __exit__(self, *_: object) -> None:
        for name in self._ends:
            delattr(connection, name)
        self._wrapper.__exit__(None, None, None)

    def _execute(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("BEGIN"):
            answer = execute(sql, params, many, context)
            self._began = time.perf_counter(), time.thread_time()
            return answer
        if self._began is None and sql.startswith(WRITES):
            self._began = time.perf_counter(), time.thread_time()
            return self._end(lambda: execute(sql, params, many, context))
        return execute(sql, params, many, context)

    def _end(self, end: Callable[[], Any]) -> Any:
        try:
            return end()
        finally:
            if self._began is not None:
                wall, processor = self._began
                held = Held(1000 * (time.perf_counter() - wall), 1000 * (time.thread_time() - processor))
                self.longest, self.number, self._began = max(self.longest, held), self.number + 1, None
