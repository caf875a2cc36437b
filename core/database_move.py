"""The move of a station's SQLite database to PostgreSQL: whether it goes on, and where the database is after it.

Django-free: the configuration and the launcher use it.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.durable_files import write_durably

RECORD = "database-moved.json"
"""In the data folder. With it the move is done: the station uses the URL in it instead of the file in it."""
LOCK = "database-move.lock"
MARK = "skycam_unfinished_move"
"""A table of the new database, with the id of the station, until the station has started there."""
ASKED_S = 0.5
"""For longer than this no `is_being_moved` keeps the lock."""
SENTENCE = (
    "The database is being moved to PostgreSQL. Until it has moved nothing can be changed; pages can be read, and "
    "cameras and sessions go on: what they record waits in the spool."
)


class MoveRuns(Exception):
    """Another process moves the database of this data folder."""


def is_being_moved(data: Path) -> bool:
    """Whether a process moves it now. The kernel answers: a killed process moves nothing."""
    try:
        lock = os.open(data / "run" / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


@contextmanager
def moving(data: Path) -> Iterator[None]:
    """Others see that the database is being moved, until the block or the process ends. MoveRuns."""
    lock = os.open(data / "run" / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock_for_move(lock)
        yield
    finally:
        os.close(lock)


def _lock_for_move(lock: int) -> None:
    """Of two moves that begin at once, one gets it. MoveRuns."""
    until = time.monotonic() + ASKED_S
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise MoveRuns("Another `skycam database move` runs on this data folder. Wait for its end.") from None
        time.sleep(0.01)


def moved_url(data: Path, file: Path) -> str | None:
    """Where the database that was in `file` is now; None if it was not moved. ValueError for a record that cannot be
    read; OSError."""
    try:
        record = json.loads((data / RECORD).read_text("utf-8"))
        return str(record["url"]) if data / record["file"] == file else None
    except FileNotFoundError:
        return None
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{data / RECORD} cannot be read. Copy it from a backup, or set DATABASE_URL.") from None


def write_record(data: Path, file: Path, url: str) -> None:
    """From here on the station's database is at `url`. Durable, and readable by the owner only. OSError."""
    # Relative: a data folder that is put elsewhere takes its record along, and does not start with an empty file.
    name = file.relative_to(data) if file.is_relative_to(data) else file
    write_durably(data / RECORD, json.dumps({"file": str(name), "url": url}), os.replace)
