"""Damage of the database: which errors tell it, and the note of it in the data folder.

The note is a file, as the damaged table may be the one that would hold it, and each part of this machine reads it.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

from django.conf import settings
from django.utils import timezone

from core.durable_files import write_durably
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
