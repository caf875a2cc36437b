"""What a backup has, how much space it needs while it is made or unpacked, and how it is written and read: a compressed
tar in an encrypted file. The last member lists the others with their checksums.

| member | what |
|---|---|
| `database/skycam.sqlite3` | the rows; of PostgreSQL `database/skycam.dump`, of `pg_dump --format=custom` |
| `data/...` | files of the data folder that cannot be made again |
| `configuration/...` | the YAML file and `.env` |
| `media/...` | pictures and clips, relative to the data folder, if wanted |
| `manifest.json` | size and SHA-256 of each member |
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import sqlite3
import subprocess
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import quote

import psycopg

from skycam_project.backups.encrypted_file import DecryptionError, EncryptedReader, EncryptedWriter
from skycam_project.config import SkycamConfig
from skycam_project.config.database import connection_words, django_database

DATA_FILES = ("secret-key", "address-secret", "station")
DATA_FOLDERS = ("reports", "sources", "tls")
"""Of the data folder. What is not here a start makes again, such as the identity of the machine, which a copy must not
have, or it belongs to this place, such as where the database was moved to."""
NOT_MEDIA = {".thumbnails", ".spool"}
SQLITE, DUMP, MANIFEST = "database/skycam.sqlite3", "database/skycam.dump", "manifest.json"


class BackupFailed(Exception):
    """No backup was made. The message says what to do."""


def copy_database(config: SkycamConfig, folder: Path) -> tuple[str, Path]:
    """A consistent copy, made while the station runs: its name in the backup, and where it is. BackupFailed."""
    database = django_database(config.database_url, config.data)
    if not database["ENGINE"].endswith("sqlite3"):
        return DUMP, dump_postgresql(database, folder / "skycam.dump")
    copy = folder / "skycam.sqlite3"
    try:
        with (
            closing(sqlite3.connect(f"file:{quote(str(database['NAME']))}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            # In one step: it reads one state, and in a WAL it stops no writer.
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise BackupFailed(
            f"The database cannot be copied, it may be damaged ({error}). `skycam doctor` says more."
        ) from None
    return SQLITE, copy


def postgresql_environment(database: dict[str, Any]) -> dict[str, str]:
    """As PostgreSQL's programs take it. Not on their command line, which every user of the machine can read."""
    names = {"PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER", "PGPASSWORD": "PASSWORD", "PGDATABASE": "NAME"}
    options = {"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY"}
    given = {name: database[key] for name, key in names.items() if database[key]}
    return {
        **os.environ,
        **given,
        **{name: database["OPTIONS"][key] for key, name in options.items() if key in database["OPTIONS"]},
    }


def run_program(words: list[str], environment: dict[str, str], failed: str) -> None:
    """BackupFailed, with the program's own reason after `failed`."""
    try:
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise BackupFailed(
            f"{words[0]} is missing here. Install the client of PostgreSQL: apt-get install postgresql-client"
        ) from None
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise BackupFailed(f"{failed}: {reason}")


def dump_postgresql(database: dict[str, Any], file: Path) -> Path:
    words = ["pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={file}"]
    run_program(words, postgresql_environment(database), "The database cannot be dumped")
    return file


def files_of(config: SkycamConfig, dotenv: Path, yaml: Path | None, *, media: bool) -> Iterator[tuple[str, Path]]:
    """Name in the backup, and file. Files may go meanwhile."""
    for name in DATA_FILES:
        if (path := config.data / name).is_file():
            yield f"data/{name}", path
    for folder in DATA_FOLDERS:
        yield from _below(config.data / folder, f"data/{folder}")
    for written in (dotenv, yaml):
        if written is not None and written.is_file():
            yield f"configuration/{written.name}", written
    if media:
        for root in media_folders(config):
            yield from _below(root, f"media/{root.relative_to(config.data)}")


def is_media(member: str) -> bool:
    return member.startswith("media/")


def media_folders(config: SkycamConfig) -> list[Path]:
    """Those inside the data folder: others have a place of their own, which a restored station may not have."""
    roots = dict.fromkeys([config.storage_root, config.video_path or config.storage_root])
    return [root for root in roots if root.is_relative_to(config.data)]


def folders_outside(config: SkycamConfig) -> list[Path]:
    roots = dict.fromkeys([config.storage_root, config.video_path or config.storage_root])
    return [root for root in roots if not root.is_relative_to(config.data)]


def _below(folder: Path, name: str) -> Iterator[tuple[str, Path]]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(one for one in folders if one not in NOT_MEDIA)
        for file in sorted(files):
            path = Path(place) / file
            if path.is_file() and not path.is_symlink():
                yield f"{name}/{path.relative_to(folder)}", path


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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


COPY_BYTES = 1 << 20
TOP = ("database", "data", "configuration", "media")


class Manifest(dict[str, tuple[int, str]]):
    """Member -> its bytes and SHA-256."""


class _Counted(io.RawIOBase):
    """What passes through it is hashed."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.bytes, self._digest = file, 0, hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        found = self._file.read(size)
        self.bytes += len(found)
        self._digest.update(found)
        return found

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def write_archive(
    file: IO[bytes], passphrase: str, about: dict[str, Any], members: Iterable[tuple[str, Path]]
) -> Manifest:
    """Members that are gone when their turn comes are left out. OSError."""
    manifest = Manifest()
    with (
        EncryptedWriter(file, passphrase, about) as encrypted,
        gzip.GzipFile(fileobj=encrypted, mode="wb", compresslevel=1, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|") as tar,
    ):
        for name, path in members:
            try:
                with path.open("rb") as content:
                    member = tarfile.TarInfo(name)
                    member.size, member.mode = os.fstat(content.fileno()).st_size, 0o600
                    member.mtime = int(os.fstat(content.fileno()).st_mtime)
                    counted = _Counted(content)
                    tar.addfile(member, counted)
            except FileNotFoundError:
                continue
            manifest[name] = counted.bytes, counted.sha256
        text = json.dumps(manifest).encode()
        member = tarfile.TarInfo(MANIFEST)
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text))
    return manifest


def read_archive(file: IO[bytes], passphrase: str, folder: Path, *, with_media: bool) -> Manifest:
    """Unpack into `folder` and compare each member with the manifest; media are only read unless wanted.
    DecryptionError for a wrong passphrase and a file that is damaged or not whole; OSError."""
    found, manifest = Manifest(), None
    try:
        with (
            io.BufferedReader(EncryptedReader(file, passphrase), COPY_BYTES) as opened,
            gzip.GzipFile(fileobj=opened, mode="rb") as packed,
            tarfile.open(fileobj=packed, mode="r|") as tar,
        ):
            for member in tar:
                content = tar.extractfile(member) if member.isfile() else None
                if content is None or manifest is not None:
                    raise DecryptionError("The backup has something that Skycam does not write.")
                if member.name == MANIFEST:
                    manifest = {name: tuple(one) for name, one in json.load(content).items()}
                    continue
                target = _target(folder, member.name)
                is_wanted = with_media or not is_media(member.name)
                found[member.name] = _store(content, target if is_wanted else None, member.mtime)
            # Up to the end, where the last chunk says that nothing is missing.
            while packed.read(COPY_BYTES):
                pass
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, ValueError) as error:
        raise DecryptionError(f"The backup cannot be unpacked ({error}). Use another one.") from None
    if manifest is None or manifest != found:
        raise DecryptionError("The backup is not whole: its files differ from its list. Use another one.")
    return found


def _target(folder: Path, name: str) -> Path:
    """DecryptionError for a name that leads out of the folder: the passphrase alone says who wrote the file."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or path.parts[0] not in TOP:
        raise DecryptionError("The backup has something that Skycam does not write.")
    return folder.joinpath(*path.parts)


def _store(content: IO[bytes], target: Path | None, modified: float) -> tuple[int, str]:
    counted = _Counted(content)
    if target is None:
        while counted.read(COPY_BYTES):
            pass
        return counted.bytes, counted.sha256
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while chunk := counted.read(COPY_BYTES):
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    os.utime(target, (modified, modified))
    return counted.bytes, counted.sha256
