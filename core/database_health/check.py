"""Checks SQLite's file for damage at the start and once a day, in the jobs part."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from django.conf import settings

from core.database_health import note
from core.periodic.work import Work

log = logging.getLogger(__name__)
RETRY_S = 60.0
CHECKED = "checked its file"
MOST = 3
"""Findings that the note names."""
STEPS = 10_000
"""Of SQLite's machine, between two looks at whether to end: below a millisecond."""


class Interrupted(Exception):
    """The check was ended before its end."""


class FileCheck:
    """The check of one SQLite file, until `should_end`."""

    def __init__(self, file: str, should_end: Callable[[], bool] = lambda: False) -> None:
        self._file, self._should_end = file, should_end

    def findings(self) -> list[str]:
        """What `PRAGMA quick_check` says; empty for a sound file. Interrupted.

        Table by table: a reader does not stop writers, but while it reads the write-ahead log grows.
        """
        with self._opened() as connection:
            try:
                names = tables(connection)
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError as error:
                return [str(error)]
            return [text for name in names for text in self._findings_of(connection, name)]

    def _findings_of(self, connection: sqlite3.Connection, table: str) -> list[str]:
        quoted = table.replace('"', '""')
        try:
            rows = connection.execute(f'PRAGMA quick_check("{quoted}")').fetchall()
        except sqlite3.OperationalError:
            if self._should_end():
                raise Interrupted from None
            raise
        except sqlite3.DatabaseError as error:
            return [f"{table}: {error}"]
        if self._should_end():
            raise Interrupted
        return [f"{table}: {text}" for (text,) in rows if text != "ok"]

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """A connection that changes nothing and creates no file."""
        with closing(sqlite3.connect(f"file:{quote(self._file)}?mode=ro", uri=True)) as connection:
            connection.set_progress_handler(self._should_end, STEPS)
            yield connection


def tables(connection: sqlite3.Connection) -> list[str]:
    """Those with pages of their own, and the table of all tables."""
    question = "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 ORDER BY name"
    return ["sqlite_schema", *(name for (name,) in connection.execute(question))]


def sqlite_file() -> str | None:
    """That of the station's database; None with PostgreSQL."""
    database = settings.DATABASES["default"]
    return str(database["NAME"]) if database["ENGINE"].endswith("sqlite3") else None


class DatabaseCheck(Work):
    """Writes the note of a damaged file, and removes it once the file is sound. Does nothing with PostgreSQL, which has
    no such check."""

    def is_wanted(self) -> bool:
        file = sqlite_file()
        return file is not None and Path(file).exists()

    def run(self) -> float | None:
        file = sqlite_file()
        if file is None:
            return None
        try:
            found = FileCheck(file, self.control.is_stopping).findings()
        except Interrupted:
            return None
        except sqlite3.OperationalError as error:
            log.warning("The database's file could not be checked (%s); it is tried again.", error)
            return RETRY_S
        if found:
            note.note_damage(CHECKED, "; ".join(found[:MOST]))
        else:
            note.remove_note()
        return None
