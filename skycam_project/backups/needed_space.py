"""How much space a backup needs while it is made or unpacked, and whether the disk has it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psycopg

from skycam_project.backups.content import BackupFailed, is_media
from skycam_project.config import SkycamConfig
from skycam_project.config.database import connection_words, django_database

SPARE_BYTES = 16 << 20
"""For what is small: the descriptions, the folders, the blocks of the file system."""


def database_bytes(config: SkycamConfig) -> int:
    """The copy of the database has at most that size. BackupFailed."""
    database = django_database(config.database_url, config.data)
    if database["ENGINE"].endswith("sqlite3"):
        log = Path(f"{database['NAME']}-wal")
        return sum(path.stat().st_size for path in (Path(database["NAME"]), log) if path.exists())
    try:
        return measure_tables(database)[1]
    except psycopg.Error as error:
        raise BackupFailed(f"The database cannot be dumped: {str(error).splitlines()[0]}") from None


def measure_tables(database: dict[str, Any]) -> tuple[int, int]:
    """How many tables the database of a PostgreSQL has, and their bytes without the indexes, which a dump does not
    have. psycopg.Error."""
    with closing(psycopg.connect(**connection_words(database))) as connection:
        [(tables, size)] = connection.execute(
            "SELECT count(*), coalesce(sum(pg_table_size(c.oid)), 0) FROM pg_class c JOIN pg_namespace n "
            "ON n.oid = c.relnamespace WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')"
        )
    return tables, int(size)


def files_bytes(members: Iterable[tuple[str, Path]]) -> tuple[int, int]:
    """Bytes of the files of a backup: of all but the media, and of the media."""
    files = media = 0
    for name, path in members:
        with suppress(FileNotFoundError):
            size = path.stat().st_size
            files, media = (files, media + size) if is_media(name) else (files + size, media)
    return files, media


def check_space(folder: Path, needed: int, doing: str, remedy: str) -> None:
    """BackupFailed with the figures; OSError."""
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    if free < needed + SPARE_BYTES:
        raise BackupFailed(
            f"{doing}: {folder} has {free / 1e6:,.0f} MB free, and up to {(needed + SPARE_BYTES) / 1e6:,.0f} MB are "
            f"needed. {remedy}"
        )
