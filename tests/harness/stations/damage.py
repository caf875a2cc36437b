"""Damage to a SQLite file, as a failing disk makes it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


@contextmanager
def damaged_table(file: Path, table: str) -> Iterator[None]:
    """The root page of a table has other content inside the block. No process may have the file open at either end."""
    with closing(sqlite3.connect(file)) as database:
        # Otherwise the page may stand in the write-ahead log, too, and be read from there.
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        roots = dict(database.execute("SELECT name, rootpage FROM sqlite_schema")) | {"sqlite_schema": 1}
        [(size,)] = database.execute("PRAGMA page_size")
    place = (roots[table] - 1) * size
    with file.open("r+b") as pages:
        pages.seek(place)
        before = pages.read(size)
        pages.seek(place)
        pages.write(b"\xa5" * size)
    yield
    with file.open("r+b") as pages:
        pages.seek(place)
        pages.write(before)
