"""A move of the database of a station that does not run: what is refused, and what a move must not lose."""

from __future__ import annotations

import fcntl
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg
import pytest

from core.database_move import LOCK, RECORD, MoveRuns, is_being_moved, moved_url, moving, write_record
from skycam_project.config import SkycamConfig, load_config
from skycam_project.launch import control
from skycam_project.moving import move
from skycam_project.moving.copying import MoveRefused
from skycam_project.moving.move import DatabaseMove, NotStarted
from tests.harness.postgresql import empty_database
from tests.harness.stations.migrated_database import place_database
from tests.harness.stations.station import Station
from tests.harness.waiting import PATIENCE_S

URL = "postgresql://skycam@127.0.0.1/skycam"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SkycamConfig:
    monkeypatch.setenv("SKYCAM_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(move, "WRITERS_S", 1.0)
    place_database(tmp_path / "data")
    return load_config()


@pytest.fixture
def url() -> Iterator[str]:
    with empty_database() as address:
        yield address


def database_move(config: SkycamConfig, url: str) -> DatabaseMove:
    return DatabaseMove(config, url, lambda *_at: None)


def refusals(config: SkycamConfig, url: str) -> dict[str, str]:
    return {one.check: one.message for one in database_move(config, url).check().checks if not one.ok}


def test_a_database_with_a_table_of_another_program_is_refused(config: SkycamConfig, url: str) -> None:
    with psycopg.connect(url) as other:
        other.execute("CREATE TABLE bookings (number integer)")
    assert "it has 1 table, such as bookings" in refusals(config, url)["target"]
    assert database_move(config, url).run().has_failed
    assert not (config.data / RECORD).exists()


def test_a_disk_without_space_for_the_rows_is_refused(
    config: SkycamConfig, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(move, "GROWTH", 1e12)
    assert "the copy needs" in refusals(config, url)["space"]


def test_a_text_that_postgresql_cannot_store_is_named_and_nothing_is_moved(config: SkycamConfig, url: str) -> None:
    with closing(sqlite3.connect(config.data / "skycam.sqlite3")) as source:
        source.execute("UPDATE django_content_type SET model = 'a' || char(0) WHERE id = 1")
        source.commit()
    with pytest.raises(MoveRefused, match=r"table django_content_type cannot be moved.*NUL character"):
        database_move(config, url).run()
    assert not (config.data / RECORD).exists()
    assert (config.data / "skycam.sqlite3").exists()


def test_a_row_that_refers_to_a_missing_one_is_named_and_nothing_is_moved(config: SkycamConfig, url: str) -> None:
    with closing(sqlite3.connect(config.data / "skycam.sqlite3")) as source:
        source.execute("UPDATE auth_permission SET content_type_id = 999999 WHERE id = 1")
        source.commit()
    assert "row 1 of auth_permission names a missing row of django_content_type" in refusals(config, url)["references"]
    assert database_move(config, url).run().has_failed
    assert not (config.data / RECORD).exists()


def test_of_two_moves_that_begin_at_once_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    together, refused, moved = threading.Barrier(2), threading.Event(), list[str]()

    def move_database() -> None:
        together.wait()
        try:
            with moving(tmp_path):
                moved.append("moved")
                refused.wait(PATIENCE_S)
        except MoveRuns:
            refused.set()

    moves = [threading.Thread(target=move_database) for _ in range(2)]
    for one in moves:
        one.start()
    for one in moves:
        one.join()
    assert refused.is_set()
    assert moved == ["moved"]


def test_who_asks_whether_it_is_moved_stops_no_move(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / LOCK).touch()
    with (tmp_path / "run" / LOCK).open() as asked:
        fcntl.flock(asked, fcntl.LOCK_SH)
        threading.Timer(0.1, fcntl.flock, [asked, fcntl.LOCK_UN]).start()  # time: a question takes less
        with moving(tmp_path):
            assert is_being_moved(tmp_path)


def test_a_command_that_waits_for_the_old_file_never_writes_into_it(config: SkycamConfig, url: str) -> None:
    outcomes: list[str] = []
    waiting = threading.Thread(target=wait_for_lock, args=[config.data / "skycam.sqlite3", outcomes])

    def start_waiting(*_at: object) -> None:
        if not waiting.ident:
            waiting.start()

    DatabaseMove(config, url, start_waiting).run()
    waiting.join()
    assert outcomes == ["database is locked"]


def wait_for_lock(file: Path, outcomes: list[str]) -> None:
    with closing(sqlite3.connect(file, timeout=1.0, isolation_level=None)) as writer:  # time: how long a command waits
        try:
            writer.execute("BEGIN IMMEDIATE")
            outcomes.append("it has the lock")
        except sqlite3.OperationalError as error:
            outcomes.append(str(error))


def test_the_record_goes_along_with_its_data_folder(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    write_record(old, old / "skycam.sqlite3", URL)
    old.rename(new)
    assert moved_url(new, new / "skycam.sqlite3") == URL


def test_a_record_names_a_file_elsewhere_and_no_other(tmp_path: Path) -> None:
    write_record(tmp_path, Path("/srv/skycam.sqlite3"), URL)
    assert moved_url(tmp_path, Path("/srv/skycam.sqlite3")) == URL
    assert moved_url(tmp_path, tmp_path / "skycam.sqlite3") is None


@pytest.mark.prove
def test_a_station_that_does_not_start_on_the_new_database_says_how_to_go_back(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "TIMEOUT_S", 20.0)
    station = Station(tmp_path / "data")
    try:
        station.up()
        # Only this process knows where the socket of the server is.
        parts = urlsplit(url)
        monkeypatch.setenv("PGHOST", unquote(parts.netloc.partition("@")[2]))
        with pytest.raises(NotStarted, match=f"remove {tmp_path / 'data' / RECORD}, and start it"):
            database_move(station.config, f"postgresql://skycam@{parts.path}").run()
        station.ensure_stopped()
        (station.data / RECORD).unlink()
        station.up()
    finally:
        station.ensure_stopped()
