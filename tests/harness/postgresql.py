"""A real PostgreSQL on a private Unix socket: one server for each run, with a database for each test."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import psycopg

from tests.harness.runs.folder import one_at_a_time, run_folder
from tests.harness.stations.migrated_database import INSTALLED, migrate
from tests.harness.waiting import PATIENCE_S

INSTALL = "PostgreSQL's server is missing. Install it: apt-get install -y --no-install-recommends postgresql-15"
QUICK = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"
"""For a server that no test kills."""
TEMPLATE = "migrated"


def binary(name: str) -> str:
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    found = str(places[0]) if places else shutil.which(name)
    assert found, INSTALL
    return found


def as_postgres_user(*command: str) -> list[str]:
    """The server refuses to run as root; Debian's package brings the user `postgres`."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else list(command)


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of a database with all migrations, which is dropped at the end."""
    server, name = shared_server(), f"test_{secrets.token_hex(6)}"
    with one_at_a_time("migrated-on-postgresql"):
        if not has_template(server):
            # Of a test that ended while it was migrated.
            execute(server, "DROP DATABASE IF EXISTS migrating WITH (FORCE)")
            execute(server, "CREATE DATABASE migrating")
            migrate(DATABASE_URL=url(server, "migrating"), SKYCAM_DATA=str(server / "data"))
            execute(server, INSTALLED, "migrating")
            execute(server, f"ALTER DATABASE migrating RENAME TO {TEMPLATE}")
        execute(server, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    try:
        yield url(server, name)
    finally:
        execute(server, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def empty_database(options: str = "") -> Iterator[str]:
    """The URL of a database without a table, on the server of the run. `options` are those of CREATE DATABASE."""
    server, name = shared_server(), f"empty_{secrets.token_hex(6)}"
    execute(server, f"CREATE DATABASE {name} {options}")
    try:
        yield url(server, name)
    finally:
        execute(server, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def own_server() -> Iterator[str]:
    """The URL of an empty database on a server of its own, for tests that stop it or have another user migrate."""
    folder = run_folder() / f"pg-{secrets.token_hex(4)}"
    try:
        with own_server_at(folder):
            yield url(folder, "postgres")
    finally:
        shutil.rmtree(folder)


@contextmanager
def own_server_at(folder: Path) -> Iterator[None]:
    start(folder)
    try:
        yield
    finally:
        stop_server(folder)


@contextmanager
def server_away(address: str) -> Iterator[None]:
    """The server of that `own_server` is stopped until the block ends."""
    folder = Path(unquote(urlsplit(address).netloc.partition("@")[2]))
    stop_server(folder)
    try:
        yield
    finally:
        start_server(folder)


@cache
def shared_server() -> Path:
    """The folder of the server of this run, which the first test that needs it starts. It ends with the run."""
    folder = run_folder() / "pg"
    with one_at_a_time("postgresql"):
        if not folder.exists():
            start(folder, QUICK)
    return folder


def start(folder: Path, *options: str) -> None:
    folder.mkdir()
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    run(*as_postgres_user(binary("initdb"), "-D", str(folder / "cluster"), "-A", "trust", "-U", "skycam", "--no-sync"))
    start_server(folder, *options)


def start_server(folder: Path, *options: str) -> None:
    # Shared memory in files of the cluster: what is in /dev/shm outlives a server that is killed.
    memory = "-c dynamic_shared_memory_type=mmap -c max_connections=300"
    words = " ".join(["-c listen_addresses=''", f"-c unix_socket_directories='{folder}'", memory, *options])
    control(folder, "-l", str(folder / "log"), "-o", words, "start")


def stop_server(folder: Path) -> None:
    """Idempotent."""
    if (folder / "cluster" / "postmaster.pid").exists():
        control(folder, "-m", "immediate", "stop")


def control(folder: Path, *words: str) -> None:
    run(*as_postgres_user(binary("pg_ctl"), "-D", str(folder / "cluster"), "-w", *words))


def run(*command: str) -> None:
    subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL, timeout=PATIENCE_S)


def url(folder: Path, database: str) -> str:
    return f"postgresql://skycam@{quote(str(folder), safe='')}/{database}"


def execute(server: Path, statement: str, database: str = "postgres") -> None:
    with psycopg.connect(url(server, database), autocommit=True) as connection:
        connection.execute(statement.encode())


def has_template(server: Path) -> bool:
    with psycopg.connect(url(server, "postgres")) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchall()
    return bool(found)
