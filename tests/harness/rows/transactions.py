"""How many rows each transaction of this process writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from django.db import connection

WRITES = ("INSERT", "UPDATE", "DELETE")


class Transactions:
    """A context manager. In a test that is itself a transaction, the outermost savepoints are those of the code."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self._depth = 0
        self._wrapper = connection.execute_wrapper(self._execute)

    def __enter__(self) -> Self:
        self._wrapper.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._wrapper.__exit__(None, None, None)

    @property
    def most(self) -> int:
        return max(self.rows, default=0)

    def _execute(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("SAVEPOINT"):
            self._begin()
            self._depth += 1
        answer = execute(sql, params, many, context)
        if sql.startswith("RELEASE SAVEPOINT"):
            self._depth -= 1
        elif sql.startswith(WRITES):
            self._begin()
            # With RETURNING the rows are counted only once they are read.
            self.rows[-1] += sql.count("), (") + 1 if " RETURNING " in sql else context["cursor"].rowcount
        return answer

    def _begin(self) -> None:
        if not self._depth:
            self.rows.append(0)
