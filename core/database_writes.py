"""Whether the database takes writes now: no other program keeps it locked, it is no standby, and the disk of SQLite's
file has room."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from django.db import OperationalError, connection, transaction

from core.database_damage import sqlite_file

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
