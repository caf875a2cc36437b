"""Makes backups, verifies them by unpacking them into a scratch folder, keeps the newest ones, and lists them. What a
kill leaves of a scratch folder is removed later, and nothing else."""

from __future__ import annotations

import fcntl
import functools
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NotRequired, TypedDict
from urllib.parse import quote

from core.durable_files import sync_folder, write_durably
from core.times.timestamps import stamp
from core.versions import SCHEMA, SKYCAM
from skycam_project.backups.archive import (
    DUMP,
    SQLITE,
    BackupFailed,
    Manifest,
    check_space,
    copy_database,
    database_bytes,
    file_sha256,
    files_bytes,
    files_of,
    folders_outside,
    read_archive,
    run_program,
    write_archive,
)
from skycam_project.backups.encrypted_file import SHORTEST, DecryptionError
from skycam_project.config import SkycamConfig
from skycam_project.config.layers import CONFIG_VARIABLE

MARK = ".skycam-scratch"
"""A file in the folder, which its process keeps locked. A folder without it is someone else's."""


@contextmanager
def scratch_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A new folder, of this process alone. OSError."""
    remove_abandoned(parent, prefix)
    folder, lock = _new_folder(parent, prefix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _new_folder(parent: Path, prefix: str) -> tuple[Path, int]:
    """With the descriptor that keeps its mark locked."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        lock = os.open(folder / MARK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Before it was locked, another process may have taken it for abandoned.
        if os.fstat(lock).st_nlink:
            return folder, lock
        os.close(lock)


def remove_abandoned(parent: Path, prefix: str) -> list[Path]:
    """Remove those of processes that were killed; what cannot be removed stays."""
    return [folder for folder in parent.glob(f"{prefix}*") if _remove_if_abandoned(folder)]


def _remove_if_abandoned(folder: Path) -> bool:
    try:
        lock = os.open(folder / MARK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    except OSError:  # BlockingIOError: its process lives
        return False
    finally:
        os.close(lock)
    return True


SUFFIX = ".skycam-backup"
SCRATCH = ".scratch-"
NAME_TIME = "%Y%m%dT%H%M%SZ"


class OffsiteCopyBody(TypedDict):
    """`error` is why the last attempt failed; empty for a verified copy."""

    destination: str
    key: str
    verified: str | None
    error: str


class BackupBody(TypedDict):
    """`database` is sqlite or postgresql; `verified` is when it was unpacked and checked (`verify`)."""

    name: str
    made: str
    bytes: int
    sha256: str
    version: str
    schema: int
    database: str
    media: bool
    files: int
    verified: str
    left_out: list[str]
    offsite: NotRequired[OffsiteCopyBody | None]


Step = Callable[[str], None]
"""Called with what begins, in words that name no camera."""


def backup_folder(config: SkycamConfig) -> Path:
    return config.backup.folder or config.data / "backups"


def check_passphrase(text: str) -> str:
    """BackupFailed."""
    if len(text) < SHORTEST:
        raise BackupFailed(
            f"The passphrase of a backup has at least {SHORTEST} characters. Without it no one can restore the backup, "
            "so keep it apart from this machine."
        )
    return text


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """BackupFailed while another process makes a backup."""
    lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise BackupFailed("Another backup is being made. Wait for its end.") from None
    finally:
        os.close(lock)


def make_backup(config: SkycamConfig, passphrase: str, *, media: bool, step: Step) -> BackupBody:
    """A verified backup in the folder of backups, of which the newest stay. BackupFailed, after which the older ones
    are as they were."""
    check_passphrase(passphrase)
    folder = backup_folder(config)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with one_at_a_time(folder):
            with scratch_folder(folder, SCRATCH) as scratch:
                body = _make(config, passphrase, folder, scratch, media=media, step=step)
            remove_old(config)
    except DecryptionError as error:
        raise BackupFailed(f"The backup was made, but cannot be restored, and was removed: {error}") from None
    except OSError as error:
        raise BackupFailed(f"No backup was made: {error.filename or folder}: {error.strerror}.") from None
    return body


def _make(config: SkycamConfig, passphrase: str, folder: Path, scratch: Path, *, media: bool, step: Step) -> BackupBody:
    made = datetime.now(UTC)
    about = {
        "station": config.station.id, "host": config.host, "made": stamp(made), "version": SKYCAM, "schema": SCHEMA,
        "media": media,
    }  # fmt: skip
    yaml = os.environ.get(CONFIG_VARIABLE)
    dotenv = (Path(yaml).parent if yaml else Path.cwd()) / ".env"
    wanted = functools.partial(files_of, config, dotenv, Path(yaml) if yaml else None, media=media)
    about["unpacked"] = _check_space(config, folder, wanted())
    # The database first, so that each of its rows has its file in the backup.
    step("copying the database")
    name, copy = copy_database(config, scratch)
    about["database"] = "sqlite" if name == SQLITE else "postgresql"
    part = scratch / "backup"
    step("writing the backup")
    with part.open("xb") as file:
        os.fchmod(file.fileno(), 0o600)
        manifest = write_archive(file, passphrase, about, [(name, copy), *wanted()])
        file.flush()
        os.fsync(file.fileno())
    copy.unlink()
    step("unpacking and checking it")
    verify(part, passphrase, scratch / "restored", manifest)
    target = folder / f"{config.station.id}-{made.strftime(NAME_TIME)}{SUFFIX}"
    body = BackupBody(
        name=target.name, made=stamp(made), bytes=part.stat().st_size, sha256=file_sha256(part), version=SKYCAM,
        schema=SCHEMA, database=str(about["database"]), media=media, files=len(manifest),
        verified=stamp(datetime.now(UTC)), left_out=[str(one) for one in folders_outside(config)] if media else [],
    )  # fmt: skip
    # The description last: what is listed is there.
    os.rename(part, target)
    sync_folder(folder)
    write_body(folder, body)
    return body


def _check_space(config: SkycamConfig, folder: Path, members: Iterable[tuple[str, Path]]) -> int:
    """How many bytes the backup has when it is unpacked, at most. BackupFailed if the disk has no room to make it."""
    database, (files, media) = database_bytes(config), files_bytes(members)
    # Of the database two at a time: the copy or the unpacked one, and the one in the backup. Media are not unpacked.
    needed = 2 * (database + files) + media
    check_space(folder, needed, "No backup was made", "Free some space, or name another disk: backup.folder.")
    return database + files + media


def verify(file: Path, passphrase: str, scratch: Path, written: Manifest) -> None:
    """Unpack all but the media, which are read, compare each file with its checksum, and check the database.
    DecryptionError; BackupFailed."""
    with file.open("rb") as opened:
        found = read_archive(opened, passphrase, scratch, with_media=False)
    if found != written:
        raise DecryptionError("its files differ from those that were written")
    check_database(scratch)
    shutil.rmtree(scratch)


def check_database(folder: Path) -> None:
    """A SQLite file is checked page by page. A dump of PostgreSQL is read to its end, and loaded into no server: that
    its rows fit together is known when it is restored. DecryptionError; BackupFailed."""
    if (dump := folder / DUMP).exists():
        # It writes what it reads as SQL to nowhere.
        run_program(
            ["pg_restore", "--file=/dev/null", str(dump)], dict(os.environ), "The dump of the database cannot be read"
        )
        return
    try:
        with closing(sqlite3.connect(f"file:{quote(str(folder / SQLITE))}?mode=ro", uri=True)) as database:
            [result] = database.execute("PRAGMA quick_check(1)").fetchone()
            [migrations] = database.execute("SELECT count(*) FROM django_migrations").fetchone()
    except (sqlite3.Error, TypeError) as error:
        raise DecryptionError(f"Its database cannot be read ({error}).") from None
    if result != "ok" or not migrations:
        raise DecryptionError(f"Its database is damaged ({result}). `skycam doctor` says what to do with the original.")


# what there is


def body_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def write_body(folder: Path, body: BackupBody) -> None:
    write_durably(body_file(folder, body["name"]), json.dumps(body), os.replace)


def list_backups(config: SkycamConfig) -> list[BackupBody]:
    """The verified ones of this station, newest first, and those that are only off-site any more. Other stations may
    use the same folder, such as that of a file server."""
    found = []
    for path in backup_folder(config).glob(f"{config.station.id}-*{SUFFIX}.json"):
        with suppress(FileNotFoundError, ValueError):
            found.append(json.loads(path.read_text("utf-8")))
    return sorted(found, key=lambda body: (body["made"], body["name"]), reverse=True)


def remove_old(config: SkycamConfig) -> None:
    """Those beyond the newest `backup.keep`. A description stays until the copy off-site is removed. A backup without
    one stays: somebody may have fetched it from elsewhere."""
    folder = backup_folder(config)
    for body in list_backups(config)[config.backup.keep :]:
        (folder / body["name"]).unlink(missing_ok=True)
        if not body.get("offsite"):
            body_file(folder, body["name"]).unlink(missing_ok=True)


def last_made(config: SkycamConfig) -> BackupBody | None:
    return next(iter(list_backups(config)), None)
