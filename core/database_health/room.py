"""Whether the disk of SQLite's file takes writes."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from core.database_health.check import sqlite_file

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
