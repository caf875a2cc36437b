"""Moves the station's SQLite database to PostgreSQL while the station runs.

The order makes it safe to be killed at any line. While rows are copied, this process holds SQLite's only lock of
writers, which the kernel releases if it dies, and PostgreSQL undoes a transaction that was not committed. The station
then stops its parts; the record in the data folder is written; its parts start with it. Before the record the old file
is the station's database, and after it the new one: no moment has both.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from core import database_move
from core.database_move import MARK
from core.text.sentences import pluralize
from skycam_project.config import SkycamConfig
from skycam_project.config.database import (
    SQLITE_OPTIONS,
    connection_words,
    django_database,
    is_local_server,
    plain_problem,
    postgresql,
)
from skycam_project.launch import control, preflight
from skycam_project.launch.parts import PARTS
from skycam_project.launch.preflight import LaunchError
from skycam_project.moving.copying import (
    FAILPOINTS,
    CopiedTable,
    MoveRefused,
    Progress,
    copy_all,
    count_rows,
    matched_tables,
    source_tables,
    target_tables,
)

LEAST_POSTGRESQL = 14
"""Django's own minimum."""
GROWTH = 2.0
"""How much more space than the file the rows may take in PostgreSQL, with indexes and the log of one transaction."""
WRITERS_S = float(str(SQLITE_OPTIONS["timeout"]))
"""How long a command that was started before the move waits for SQLite's lock."""


class NotStarted(Exception):
    """The database is moved, and the station does not run there yet. The message says how to go back."""


@dataclass
class Check:
    check: str
    ok: bool
    message: str


@dataclass
class Moved:
    """What one run of `skycam database move` did."""

    checks: list[Check] = field(default_factory=list)
    tables: list[CopiedTable] = field(default_factory=list)
    hold_s: float | None = None
    """How long the database took no writes, seconds."""
    pause_s: float | None = None
    """How long the parts of the station were stopped, seconds; None if it did not run."""
    kept: str = ""
    """The old file."""

    @property
    def has_failed(self) -> bool:
        return not all(one.ok for one in self.checks)


class DatabaseMove:
    """One run, on the configuration of the station and the URL of an empty database."""

    def __init__(self, config: SkycamConfig, url: str, progress: Progress) -> None:
        self._config, self._url, self._progress = config, url, progress
        found = django_database(config.database_url, config.data)
        if not found["ENGINE"].endswith("sqlite3"):
            raise MoveRefused("The database of this station is on PostgreSQL already. Only a SQLite file is moved.")
        self._file = Path(found["NAME"])
        if not self._file.exists():
            raise MoveRefused(f"There is no database in {self._file} yet. Set DATABASE_URL, and start the station.")
        if not url.startswith(("postgresql://", "postgres://")):
            raise MoveRefused(
                "Give the URL of an empty PostgreSQL database: postgresql://USER:PASSWORD@HOST:PORT/NAME."
            )
        if not config.database.allow_plain and (problem := plain_problem(url)):
            raise MoveRefused(problem)
        self._server = postgresql(url)
        self.result = Moved()

    def check(self) -> Moved:
        """The dry run: everything that can be known without writing."""
        with closing(self._open_source()) as source, self._target() as target:
            checks: dict[str, Callable[[], str]] = {
                "versions": lambda: self._check_versions(source, target),
                "target": lambda: self._check_target(target),
                "references": lambda: self._check_references(source),
                "space": lambda: self._check_space(target),
                "rows": lambda: self._count(source),
            }
            for name, check in checks.items():
                try:
                    self.result.checks.append(Check(name, True, check()))
                except MoveRefused as error:
                    self.result.checks.append(Check(name, False, str(error)))
        return self.result

    def run(self) -> Moved:
        """Check, copy, and let the station use the new database. MoveRefused, LaunchError, psycopg.Error and
        sqlite3.Error, after which the old database is the one in use; NotStarted, after which it is the new one."""
        if self.check().has_failed:
            return self.result
        with self._target() as target:
            target.execute(sql.SQL("CREATE TABLE IF NOT EXISTS {} (station text)").format(sql.Identifier(MARK)))
            if not target.execute(sql.SQL("SELECT station FROM {}").format(sql.Identifier(MARK))).fetchone():
                target.execute(
                    sql.SQL("INSERT INTO {} VALUES (%s)").format(sql.Identifier(MARK)), [self._config.station.id]
                )
        FAILPOINTS.hit("after_mark")
        self._migrate_target()
        FAILPOINTS.hit("after_migrations")
        with ExitStack() as held:
            held.enter_context(database_move.moving(self._config.data))
            runs = control.is_listening(preflight.control_path(self._config))
            if not runs:
                self._lock_station(held)
            source = held.enter_context(closing(self._open_source()))
            began = time.monotonic()
            # The only lock of writers: readers go on. It ends with this process, whatever ends it.
            source.execute("BEGIN IMMEDIATE")
            FAILPOINTS.hit("after_lock")
            with self._target() as target, target.transaction():
                self.result.tables = copy_all(source, target, matched_tables(source, target), self._progress)
            FAILPOINTS.hit("after_commit")
            stopped = time.monotonic()
            self._switch(runs=runs)
            switched = time.monotonic()
            if runs:
                self._wait_for_station()
                self.result.pause_s = time.monotonic() - stopped
            FAILPOINTS.hit("after_start")
            self.result.hold_s = time.monotonic() - began
            # Commands that were started before the switch wait for the lock of the old file; they must not get it.
            time.sleep(max(0.0, switched + WRITERS_S - time.monotonic()))
            source.execute("ROLLBACK")
            source.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._keep_old_file()
        return self.result

    # the databases

    def _open_source(self) -> sqlite3.Connection:
        return sqlite3.connect(self._file, timeout=WRITERS_S, isolation_level=None)

    @contextmanager
    def _target(self) -> Iterator[psycopg.Connection[Any]]:
        """MoveRefused if it cannot be connected to."""
        try:
            connection = psycopg.connect(autocommit=True, **connection_words(self._server))
        except psycopg.Error as error:
            place = self._server["HOST"] or "the local socket"
            raise MoveRefused(
                f"The database at {place} cannot be used: {first_line(error)}. Check the URL, and that "
                "the server lets this machine in (pg_hba.conf, firewall)."
            ) from None
        with connection:
            connection.execute("SET timezone TO 'UTC'")
            # A copy may take longer than the limits of the server for what a station asks.
            for limit in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
                connection.execute(sql.SQL("SET {} TO 0").format(sql.Identifier(limit)))
            yield connection

    def _migrate_target(self) -> None:
        """In a process of its own: migrations use the database of the settings."""
        done = subprocess.run(
            [sys.executable, "-m", "django", "migrate", "--noinput", "--skip-checks", "--verbosity", "0"],
            env={
                **os.environ, "DATABASE_URL": self._url, "SKYCAM_DATA": str(self._config.data),
                "DJANGO_SETTINGS_MODULE": "skycam_project.settings",
            },
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise MoveRefused(f"The tables could not be created in the new database: {reason}")

    # checks

    def _check_versions(self, source: sqlite3.Connection, target: psycopg.Connection[Any]) -> str:
        version = target.info.server_version // 10_000
        if version < LEAST_POSTGRESQL:
            raise MoveRefused(f"The server is PostgreSQL {version}. Skycam needs {LEAST_POSTGRESQL} or newer.")
        if target.info.encoding != "utf-8" or self._setting(target, "server_encoding") != "UTF8":
            raise MoveRefused(
                "The new database does not store UTF-8. Create it with ENCODING 'UTF8' TEMPLATE template0."
            )
        applied = {tuple(row) for row in source.execute("SELECT app, name FROM django_migrations")}
        if applied != known_migrations():
            raise MoveRefused(
                "The database is of another version of Skycam than this command. Start the station once with this "
                "version, then move it."
            )
        return f"PostgreSQL {version}; the file has all migrations of this version"

    def _check_target(self, target: psycopg.Connection[Any]) -> str:
        if self._setting(target, "transaction_read_only") == "on":
            raise MoveRefused("The new database is read-only, as a standby is. Name the primary server.")
        found = target_tables(target)
        if MARK in found:
            rows = target.execute(sql.SQL("SELECT station FROM {}").format(sql.Identifier(MARK))).fetchall()
            if rows not in ([], [(self._config.station.id,)]):
                raise MoveRefused("Another station was being moved into the new database. Name an empty one.")
            return "it has what an interrupted move of this station left, which is replaced"
        if found:
            raise MoveRefused(
                f"The new database is not empty: it has {pluralize(len(found), 'table')}, such as {min(found)}. Create "
                "one for this station alone: createdb NAME."
            )
        may = target.execute("SELECT has_schema_privilege(current_schema(), 'CREATE')").fetchone()
        if may != (True,):
            raise MoveRefused("The user of the URL may not create tables there. Make it the owner of the database.")
        return f"the database {self._server['NAME']} is empty"

    def _check_references(self, source: sqlite3.Connection) -> str:
        broken = source.execute("PRAGMA foreign_key_check").fetchmany(3)
        if broken:
            names = ", ".join(
                f"row {row} of {table} names a missing row of {parent}" for table, row, parent, _ in broken
            )
            raise MoveRefused(f"PostgreSQL refuses rows that refer to none: {names}. Delete them, and move again.")
        return "each row that is referred to is there"

    def _check_space(self, target: psycopg.Connection[Any]) -> str:
        size = self._file.stat().st_size
        mega, needed = f"{size / 1e6:.0f} MB", int(size * GROWTH)
        row = (
            target.execute(
                "SELECT CASE WHEN has_parameter_privilege('data_directory', 'SET') "
                "THEN current_setting('data_directory', true) END"
            )
            if target.info.server_version >= 150_000
            else None
        )
        folder = (row.fetchone() or [None])[0] if row else None
        if not self._is_here or not folder or not os.path.isdir(folder):
            return f"the file has {mega}; whether the server has {needed / 1e6:.0f} MB cannot be seen from here"
        free = shutil.disk_usage(folder).free
        if free < needed:
            raise MoveRefused(f"The server's disk has {free / 1e6:.0f} MB free; the copy needs {needed / 1e6:.0f} MB.")
        return f"the file has {mega}; the server's disk has {free / 1e6:.0f} MB free"

    def _count(self, source: sqlite3.Connection) -> str:
        counts = [count_rows(source, name) for name in source_tables(source)]
        return f"{pluralize(sum(counts), 'row')} in {pluralize(len(counts), 'table')}"

    @property
    def _is_here(self) -> bool:
        return is_local_server(self._server["HOST"])

    @staticmethod
    def _setting(target: psycopg.Connection[Any], name: str) -> str:
        row = target.execute("SELECT current_setting(%s)", [name]).fetchone()
        return str(row[0]) if row else ""

    # the station

    def _lock_station(self, held: ExitStack) -> None:
        """No part starts meanwhile. MoveRefused if one runs alone."""
        try:
            for part in (None, *PARTS):
                held.enter_context(preflight.lock_folder(preflight.lock_path(self._config, part), self._config.data))
        except LaunchError:
            raise MoveRefused(
                "Parts of the station run alone (`skycam up --only`). Stop them, or start the whole station, and move "
                "it then."
            ) from None

    def _switch(self, *, runs: bool) -> None:
        """The parts are stopped, the record is written, the parts start. LaunchError if they are not stopped."""
        if not runs:
            database_move.write_record(self._config.data, self._file, self._url)
            return
        with control.paused(self._config):
            FAILPOINTS.hit("after_stop")
            database_move.write_record(self._config.data, self._file, self._url)
            FAILPOINTS.hit("after_record")

    def _wait_for_station(self) -> None:
        """NotStarted."""
        try:
            control.wait_until_up(self._config)
        except LaunchError:
            raise NotStarted(
                "The rows are moved, but the station has not started with the new database yet. Its log says why: "
                "`skycam logs`. Mend that, and start it if it has ended. Or go back: stop the station, remove "
                f"{self._config.data / database_move.RECORD}, and start it: {self._file} is as it was."
            ) from None

    def _keep_old_file(self) -> None:
        day = time.strftime("%Y-%m-%d", time.gmtime())
        kept = self._file.with_name(f"{self._file.name}.moved-{day}")
        number = 1
        while kept.exists():
            number += 1
            kept = self._file.with_name(f"{self._file.name}.moved-{day}-{number}")
        os.replace(self._file, kept)
        self.result.kept = str(kept)


def known_migrations() -> set[tuple[str, str]]:
    from django.db.migrations.loader import MigrationLoader

    return set(MigrationLoader(None).disk_migrations)


def first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
