"""The SQLite database of a station, read and written past the station."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.harness.waiting import PATIENCE_S, eventually


class StationDatabase:
    def __init__(self, file: Path) -> None:
        self.file = file

    def rows(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.file, timeout=PATIENCE_S)) as database:
            return database.execute(question, values).fetchall()

    def execute(self, statement: str, *values: Any) -> None:
        with closing(sqlite3.connect(self.file, timeout=PATIENCE_S)) as database, database:
            database.execute(statement, values)

    def insert(self, table: str, *rows: dict[str, Any]) -> None:
        """Insert rows that have the same columns."""
        # Quoted: a column may have the name of a word of SQL.
        columns, values = (", ".join(form.format(name) for name in rows[0]) for form in ('"{}"', ":{}"))
        sql = f"INSERT INTO {table} ({columns}) VALUES ({values})"
        with closing(sqlite3.connect(self.file, timeout=PATIENCE_S)) as database, database:
            database.executemany(sql, rows)

    def count(self, question: str, *values: Any) -> int:
        return int(self.rows(f"SELECT count(*) FROM {question}", *values)[0][0])

    def rows_after(self, action: Callable[[], object], question: str, *values: Any) -> list[tuple[Any, ...]]:
        """Do something; what the question finds then and did not find before, as soon as there is anything.

        The question selects ids first. A row that came between the first look and the action counts as one of it."""
        before = set(self.rows(question, *values))
        action()
        return list(eventually(lambda: [row for row in self.rows(question, *values) if row not in before], question))

    def status_of(self, capture: str) -> tuple[str, str]:
        """Outcome and reason of a capture."""
        [(outcome, reason)] = self.rows(
            "SELECT status, reason FROM captures_capture WHERE id = ?", capture.replace("-", "")
        )
        return outcome, reason

    def events(self, kind: str, camera: str = "simulated") -> list[dict[str, Any]]:
        """The data of the camera's events of that kind, oldest first."""
        question = "SELECT data FROM monitoring_event WHERE kind = ? AND camera = ? ORDER BY at, id"
        return [json.loads(data) for (data,) in self.rows(question, kind, camera)]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """No one else writes: what was counted inside stays so. Reading goes on, as the journal is a WAL."""
        with closing(sqlite3.connect(self.file, timeout=PATIENCE_S, isolation_level=None)) as database:
            database.execute("BEGIN EXCLUSIVE")
            yield
            database.execute("ROLLBACK")
