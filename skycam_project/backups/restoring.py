"""Restores a backup into an empty station."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from core import restored_copy
from core.durable_files import sync_folder
from core.versions import SCHEMA
from skycam_project.backups.archive import (
    DUMP,
    SQLITE,
    BackupFailed,
    check_space,
    measure_tables,
    postgresql_environment,
    read_archive,
    run_program,
)
from skycam_project.backups.encrypted_file import DecryptionError, read_about
from skycam_project.backups.service import check_database, scratch_folder
from skycam_project.config.database import django_database

CONFIGURATION = "restored-configuration"


class RestoreRefused(Exception):
    """Nothing was restored. The message says what to do."""


@dataclass
class Restored:
    about: dict[str, Any]
    files: int
    data: str
    configuration: list[str] = field(default_factory=list)
    """Files to look through: they may name servers and folders of the machine that the backup was made of."""


def restore(file: Path, passphrase: str, data: Path, database_url: str | None) -> Restored:
    """Into `data`, which must not exist or be empty, and, for a backup of PostgreSQL, into the empty database of
    `database_url`. RestoreRefused, DecryptionError and BackupFailed, after which `data` is as it was; OSError."""
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise RestoreRefused(
            f"{data} is not empty. A backup is restored into an empty station only: set SKYCAM_DATA to a new folder, "
            "or move the old one away."
        )
    with file.open("rb") as opened:
        about = read_about(opened)
        _check_version(about)
        database = _chosen_database(about, database_url, data)
        opened.seek(0)
        data.parent.mkdir(parents=True, exist_ok=True)
        # Beside the folder, and renamed when it is whole: a kill leaves no half of a station.
        with scratch_folder(data.parent, scratch_prefix(data)) as scratch:
            _check_space(file, about, data.parent)
            found = read_archive(opened, passphrase, scratch / "unpacked", with_media=True)
            check_database(scratch / "unpacked")
            restored = Restored(about, len(found), str(data))
            _arrange(scratch / "unpacked", scratch / "station", restored)
            if database is not None:
                _restore_dump(scratch / "unpacked" / DUMP, database)
            if data.exists():
                data.rmdir()
            os.rename(scratch / "station", data)
            sync_folder(data.parent)
    return restored


def scratch_prefix(data: Path) -> str:
    return f".{data.name}-restored-"


def _check_space(file: Path, about: dict[str, Any], folder: Path) -> None:
    """RestoreRefused. A backup of an older version does not say how much it has: at least so much as its file."""
    unpacked = about.get("unpacked")
    needed = max(unpacked if isinstance(unpacked, int) else 0, file.stat().st_size)
    try:
        check_space(folder, needed, "Nothing was restored", "Free some space, or set SKYCAM_DATA to another disk.")
    except BackupFailed as error:
        raise RestoreRefused(str(error)) from None


def _check_version(about: dict[str, Any]) -> None:
    if int(about.get("schema", 0)) > SCHEMA:
        raise RestoreRefused(
            f"The backup is of a newer version of Skycam ({about.get('version')}) than this one. Install that version, "
            "then restore."
        )


def _chosen_database(about: dict[str, Any], url: str | None, data: Path) -> dict[str, Any] | None:
    """Where the dump goes; None for a SQLite file."""
    chosen = django_database(url, data)
    is_server = not chosen["ENGINE"].endswith("sqlite3")
    if (about.get("database") == "postgresql") != is_server:
        way = "Set DATABASE_URL to an empty PostgreSQL database" if not is_server else "Remove DATABASE_URL"
        raise RestoreRefused(f"The backup has a database of {about.get('database')}. {way}, and restore again.")
    if not is_server:
        if Path(chosen["NAME"]).exists():
            raise RestoreRefused(f"DATABASE_URL names {chosen['NAME']}, which exists. Move it away, and restore again.")
        return None
    try:
        tables, _ = measure_tables(chosen)
    except psycopg.Error as error:
        raise RestoreRefused(f"The database of DATABASE_URL cannot be used: {str(error).splitlines()[0]}") from None
    if tables:
        raise RestoreRefused("The database of DATABASE_URL is not empty. Create one for this station: createdb NAME.")
    return chosen


def _restore_dump(dump: Path, database: dict[str, Any]) -> None:
    """In one transaction. BackupFailed."""
    words = ["pg_restore", "--single-transaction", "--no-owner", "--no-privileges", "--exit-on-error"]
    run_program(
        [*words, f"--dbname={database['NAME']}", str(dump)], postgresql_environment(database),
        "The rows cannot be restored",
    )  # fmt: skip


def _arrange(unpacked: Path, station: Path, restored: Restored) -> None:
    """The data folder of the members. It starts paused: the station that the backup was made of may still run."""
    station.mkdir(mode=0o700)
    for source in (unpacked / "data", unpacked / "media"):
        if source.is_dir():
            shutil.copytree(source, station, dirs_exist_ok=True, copy_function=os.link)
    if (file := unpacked / SQLITE).exists():
        os.rename(file, station / "skycam.sqlite3")
    if (configuration := unpacked / "configuration").is_dir():
        os.rename(configuration, station / CONFIGURATION)
        restored.configuration = sorted(
            str(Path(CONFIGURATION) / one.name) for one in (station / CONFIGURATION).iterdir()
        )
    if not (station / "station").is_file() and not restored.about.get("station"):
        raise DecryptionError("The backup has no station.")
    about = restored.about
    (station / restored_copy.FILE).write_text(f"{about.get('host')}, {about.get('made')}\n", "utf-8")
