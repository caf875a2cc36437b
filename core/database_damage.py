"""Damage of the database: which errors tell it, the note of it in the data folder, and the daily check of SQLite's
file; and whether the database takes writes now. The note is a file, as the damaged table may be the one that would
hold it, and each part of this machine reads it."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TypedDict
from urllib.parse import quote

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from core.durable_files import write_durably
from core.periodic.task import Work
from core.times.timestamps import stamp

log = logging.getLogger(__name__)
FILE = "database-damage.json"
SQLITE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
POSTGRESQL = frozenset({"XX001", "XX002"})
"""`data_corrupted` and `index_corrupted`."""


REMEDY = (
    "Stop the station, keep a copy of the file, and restore the last backup: docs/station/running.md, A damaged "
    "database. What the cameras record meanwhile waits in their spools."
)


class Damage(TypedDict):
    """`found` is when it was seen for the first time, `by` what was done then, `reason` the database's words."""

    found: str
    by: str
    reason: str


def is_damage(error: BaseException) -> bool:
    """Whether an error of Django's database layer says that the stored data are damaged."""
    cause = error.__cause__
    # The lower byte: the rest says which kind of page was found so.
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    return code in SQLITE or getattr(cause, "sqlstate", "") in POSTGRESQL


def note_if_damage(error: BaseException, by: str) -> bool:
    """Whether the error tells damage. OSError."""
    if damaged := is_damage(error):
        note_damage(by, str(error).strip())
    return damaged


def note_damage(by: str, reason: str) -> None:
    """Keep it until `remove_note`. The first note stays. OSError."""
    if read_note() is None:
        log.critical("The database is damaged (%s, while Skycam %s).", reason, by)
        write_durably(note_file(), json.dumps(Damage(found=stamp(timezone.now()), by=by, reason=reason)), os.replace)


def sentence(reason: str) -> str:
    return f"The database is damaged ({reason.strip()}). {REMEDY}"


def read_note() -> Damage | None:
    with suppress(FileNotFoundError):
        found: Damage = json.loads(note_file().read_text())
        return found
    return None


def remove_note() -> None:
    note_file().unlink(missing_ok=True)


def note_file() -> Path:
    return Path(settings.STATION.data) / FILE


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
            note_damage(CHECKED, "; ".join(found[:MOST]))
        else:
            remove_note()
        return None


READ_ONLY = "it is read-only, as a standby is"
READ_ONLY_REMEDY = "Promote it, or set DATABASE_URL to the server that takes writes."


def lock_error() -> str:
    """Why no transaction that writes can begin within the busy timeout of this process; empty if one can. SQLite
    answers readers while another program keeps the only writer's lock, PostgreSQL while it is a standby. DatabaseError
    if it does not answer at all."""
    try:
        with transaction.atomic():
            return READ_ONLY if is_read_only() else ""
    except OperationalError as error:
        if connection.vendor != "sqlite":
            raise
        return str(error).strip()


def is_read_only() -> bool:
    """Whether PostgreSQL refuses the writes of this transaction: a standby, or a server that is set so."""
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_read_only")
        return bool(cursor.fetchone() == ("on",))


ROOM_BYTES = 1 << 20
"""The write-ahead log of a busy station grows by less between two looks."""


def write_error() -> str:
    """Why its folder takes no more data, such as a full disk, a quota, or a file system that is mounted read-only;
    empty if it does. Empty for PostgreSQL, which says so itself."""
    if (file := sqlite_file()) is None:
        return ""
    folder = Path(file).parent
    try:
        # Without a name: nothing is left of it, whatever happens.
        with tempfile.TemporaryFile(dir=folder) as probe:
            os.posix_fallocate(probe.fileno(), 0, ROOM_BYTES)
    except OSError as error:
        return f"{folder}: {error.strerror}"
    return ""
