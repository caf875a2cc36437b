"""Damage of the database's file: what tells it, what finds it, and the note that each part of the machine reads."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError
from django.db.backends.sqlite3.base import DatabaseWrapper

from core import database_damage
from core.api.exceptions import problem_of
from core.database_damage import DatabaseCheck, FileCheck, Interrupted
from monitoring.health import database_problems
from skycam_project.pages.errors import needs_database
from tests.harness.stations.damage import damaged_table


@pytest.fixture
def file(db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The station's database, with two tables of a thousand rows; the second one has a name that has to be quoted."""
    file = tmp_path / "a database?.sqlite3"
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        for table in ("captures", 'of "March"'):
            quoted = table.replace('"', '""')
            database.execute(f'CREATE TABLE "{quoted}" (id INTEGER PRIMARY KEY, name TEXT)')
            database.executemany(f'INSERT INTO "{quoted}" (name) VALUES (?)', [("picture",)] * 1000)
    monkeypatch.setattr("core.database_damage.sqlite_file", lambda: str(file))
    yield file
    database_damage.remove_note()


def error_of(file: Path) -> DatabaseError:
    """That of Django for reading the table `captures`."""
    defaults = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(file), "OPTIONS": {}, "CONN_MAX_AGE": 0}
    connection = DatabaseWrapper(defaults | {"TIME_ZONE": None, "AUTOCOMMIT": True, "CONN_HEALTH_CHECKS": False})
    with closing(connection), pytest.raises(DatabaseError) as caught, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM captures").fetchall()
    return caught.value


@pytest.mark.parametrize("table", ["captures", 'of "March"', "sqlite_schema"])
def test_a_damaged_table_is_named(file: Path, table: str) -> None:
    with damaged_table(file, table):
        [finding] = FileCheck(str(file)).findings()
    assert finding.startswith(f"{table}: ") or finding == "file is not a database"


def test_a_sound_file_has_no_findings(file: Path) -> None:
    assert FileCheck(str(file)).findings() == []


def test_a_check_creates_no_file(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        FileCheck(str(tmp_path / "none.sqlite3")).findings()
    assert list(tmp_path.iterdir()) == []


def test_a_check_that_is_ended_finds_nothing(file: Path) -> None:
    with pytest.raises(Interrupted):
        FileCheck(str(file), lambda: True).findings()


def test_sqlites_error_tells_the_damage(file: Path) -> None:
    with damaged_table(file, "captures"):
        assert database_damage.is_damage(error_of(file))


@pytest.mark.parametrize(("kind", "damaged"), [("DataCorrupted", True), ("IndexCorrupted", True), ("DiskFull", False)])
def test_postgresqls_errors_tell_damage_by_their_code(kind: str, damaged: bool) -> None:
    error = DatabaseError("invalid page in block 12 of relation base/16384/16402")
    error.__cause__ = getattr(psycopg.errors, kind)()
    assert database_damage.is_damage(error) is damaged


def test_the_check_notes_the_damage_and_removes_the_note_once_the_file_is_sound(file: Path) -> None:
    with damaged_table(file, "captures"):
        DatabaseCheck("main").run()
    assert "captures" in (database_damage.read_note() or {})["reason"]
    DatabaseCheck("main").run()
    assert database_damage.read_note() is None


def test_the_first_note_stays(file: Path) -> None:
    database_damage.note_damage("ingested records", "database disk image is malformed")
    database_damage.note_damage("showed a page", "another reason")
    assert database_damage.read_note() == {**(database_damage.read_note() or {}), "by": "ingested records"}


def test_the_note_is_a_problem_of_the_database(file: Path) -> None:
    database_damage.note_damage("ingested records", "database disk image is malformed")
    [finding] = database_problems()
    assert finding.sentence.startswith("The database is damaged (database disk image is malformed; since ")
    assert "restore the last backup" in finding.sentence


def test_a_request_that_meets_damage_is_told_so_and_leaves_the_note(file: Path) -> None:
    with damaged_table(file, "captures"):
        problem = problem_of(error_of(file))
    assert problem is not None
    assert problem.type == "database-down"
    assert problem.detail.startswith("The database is damaged (")
    assert (database_damage.read_note() or {})["by"] == "answered a request"


def test_a_page_that_meets_damage_leaves_the_note(file: Path) -> None:
    with damaged_table(file, "captures"):
        assert needs_database(error_of(file))
    assert (database_damage.read_note() or {})["by"] == "showed a page"


def test_a_violated_constraint_is_no_damage() -> None:
    assert problem_of(IntegrityError("UNIQUE constraint failed")) is None
