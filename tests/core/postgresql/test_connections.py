"""The threads of a process share a few connections to a real PostgreSQL, and keep none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
import pytest
from django.db import DatabaseError, OperationalError

from core.postgresql.base import DatabaseWrapper
from core.postgresql.pool import MOST, ConnectionPool, Pooled, PoolExhausted, is_full, refusal_code
from skycam_project.config.database import django_database
from tests.harness.kills.faults import without_files
from tests.harness.postgresql import own_server, postgresql
from tests.harness.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.django_db
SETTINGS = {"TIME_ZONE": None, "AUTOCOMMIT": True, "ATOMIC_REQUESTS": False}
OURS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@pytest.fixture
def address() -> Iterator[str]:
    with postgresql() as found:
        yield found
        database_at(found).close_pool()


@pytest.fixture
def database(address: str) -> DatabaseWrapper:
    """As the thread of the test knows it."""
    return database_at(address)


def database_at(address: str) -> DatabaseWrapper:
    return DatabaseWrapper({**django_database(address, Path()), **SETTINGS})


def value(database: DatabaseWrapper, question: str = "SELECT 1") -> Any:
    with database.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0]


def asked(address: str, question: str) -> Any:
    """By a connection that is none of ours."""
    with psycopg.connect(address, autocommit=True) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return row[0]


def in_threads(number: int, work: Callable[[], Any]) -> list[Any]:
    with ThreadPoolExecutor(number) as threads:
        return [one.result(PATIENCE_S) for one in [threads.submit(work) for _ in range(number)]]


class Lending:
    """A pool, and what it has lent to the test."""

    def __init__(self, address: str, **limits: float) -> None:
        self.lent: list[Pooled] = []
        self.pool = ConnectionPool(lambda: psycopg.connect(address, autocommit=True), **limits)  # type: ignore[arg-type]

    def borrow(self) -> Pooled:
        self.lent.append(self.pool.borrow())
        return self.lent[-1]

    def give_back(self) -> Pooled:
        """The one that was lent first."""
        given = self.lent.pop(0)
        self.pool.give_back(given)
        return given

    def end(self) -> None:
        while self.lent:
            self.give_back()
        self.pool.close()


@contextmanager
def lending(address: str, lent: int, **limits: float) -> Iterator[Lending]:
    found = Lending(address, **limits)
    with ExitStack() as stack:
        stack.callback(found.end)
        for _ in range(lent):
            found.borrow()
        yield found


def test_forty_threads_that_never_end_share_four_connections(address: str) -> None:
    connections: list[int] = []
    all_have_asked = threading.Barrier(40, action=lambda: connections.append(asked(address, OURS)))

    def asks_again_and_again() -> int:
        own = database_at(address)
        answers = sum(value(own) for _ in range(20))
        all_have_asked.wait(PATIENCE_S)  # none has ended
        return answers

    assert in_threads(40, asks_again_and_again) == [20] * 40
    assert 1 <= connections[0] <= MOST


def test_a_thread_has_no_connection_between_its_transactions(database: DatabaseWrapper) -> None:
    assert value(database) == 1
    assert database.connection is None


def test_a_transaction_has_one_connection_for_all_its_statements(database: DatabaseWrapper) -> None:
    with closing(database.cursor()) as cursor:
        database.set_autocommit(False)
        cursor.execute("SELECT pg_backend_pid()")
        first = cursor.fetchone()
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone() == first
        database.rollback()
        database.set_autocommit(True)
    assert database.connection is None


def test_a_call_after_the_commit_that_fails_leaves_its_thread_no_connection(database: DatabaseWrapper) -> None:
    def fail() -> None:
        raise ValueError("of the call")

    database.set_autocommit(False)
    value(database)
    database.run_on_commit = [(set(), fail, False)]
    database.commit()
    with pytest.raises(ValueError, match="of the call"):
        database.set_autocommit(True)
    assert database.connection is None


def test_rows_are_read_after_the_connection_was_given_back(database: DatabaseWrapper) -> None:
    with database.cursor() as cursor:
        cursor.execute("SELECT generate_series(1, 3)")
        assert value(database, "SELECT 7") == 7
        assert [row[0] for row in cursor.fetchall()] == [1, 2, 3]
        cursor.execute("SELECT 8")
        assert cursor.fetchone() == (8,)


def test_a_reader_of_many_rows_keeps_no_connection(database: DatabaseWrapper) -> None:
    reader = database.chunked_cursor()
    reader.execute("SELECT generate_series(1, 3)")
    assert database.connection is None
    assert reader.fetchmany(2) == [(1,), (2,)]


def test_what_a_transaction_left_open_ends_with_it(address: str, database: DatabaseWrapper) -> None:
    database.set_autocommit(False)
    value(database, "SELECT 1 FROM (SELECT pg_advisory_xact_lock(5)) AS locked")
    assert asked(address, "SELECT pg_try_advisory_xact_lock(5)") is False
    database.close()
    eventually(lambda: asked(address, "SELECT pg_try_advisory_xact_lock(5)"), "the lock is free")


def test_each_connection_says_whose_it_is(database: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYCAM_PART", "jobs")
    assert value(database, "SELECT current_setting('application_name')").endswith("/jobs")


def test_terminated_connections_are_replaced_without_an_error(address: str, database: DatabaseWrapper) -> None:
    in_threads(4, lambda: value(database_at(address), "SELECT pg_sleep(0.2)::text"))
    ended = asked(address, OURS.replace("count(*)", "count(pg_terminate_backend(pid))"))
    eventually(lambda: asked(address, OURS) == 0, "they have ended")
    assert ended >= 1
    assert value(database) == 1


def test_a_connection_that_broke_in_a_transaction_is_not_lent_again(address: str, database: DatabaseWrapper) -> None:
    with pytest.raises(DatabaseError):
        value(database, "SELECT pg_terminate_backend(pg_backend_pid())")
    assert value(database) == 1


def test_a_connection_to_a_server_that_takes_no_writes_is_not_lent_again(database: DatabaseWrapper) -> None:
    value(database, "SELECT set_config('default_transaction_read_only', 'on', false)")
    with pytest.raises(DatabaseError):
        value(database, "DELETE FROM monitoring_event RETURNING 1")
    assert value(database, "SELECT current_setting('default_transaction_read_only')") == "off"


def test_idle_connections_are_closed(address: str) -> None:
    with lending(address, MOST, idle_s=0.3) as ours:
        assert asked(address, OURS) == MOST
        for _ in range(MOST):
            ours.give_back()
        eventually(lambda: asked(address, OURS) == 0, "none is left")


def test_the_fifth_waits_for_a_free_one(address: str) -> None:
    with lending(address, MOST) as ours, ThreadPoolExecutor(1) as threads:
        fifth = threads.submit(ours.borrow)
        given = ours.give_back()
        assert fifth.result(PATIENCE_S) is given


def test_who_waits_too_long_is_told_so(address: str) -> None:
    with lending(address, MOST, wait_s=0.2) as ours:
        with pytest.raises(PoolExhausted, match="All 4 connections of this part to the database are in use; none was"):
            ours.borrow()
        given = ours.give_back()
        assert ours.borrow() is given


@pytest.fixture
def narrow_server() -> Iterator[str]:
    """A server that lets its user connect twice."""
    with own_server() as found:
        asked(found, "SELECT 1")
        with psycopg.connect(found, autocommit=True) as connection:
            connection.execute(b"CREATE ROLE station LOGIN CONNECTION LIMIT 2")
        yield found.replace("skycam@", "station@")


def test_a_process_waits_for_the_place_of_another_one(narrow_server: str) -> None:
    with lending(narrow_server, 0) as ours, lending(narrow_server, 2) as others, ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(ours.borrow)
        others.lent[0].is_spoiled = True
        others.give_back()
        assert waiting.result(PATIENCE_S).is_alive()


def test_a_server_that_stays_full_says_so(narrow_server: str) -> None:
    with (
        lending(narrow_server, 0, wait_s=0.2) as ours,
        lending(narrow_server, 2),
        pytest.raises(psycopg.OperationalError, match="too many connections"),
    ):
        ours.borrow()


@pytest.fixture
def german_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """As for a user without a place."""
    monkeypatch.setenv("LANGUAGE", "de")  # of the server, which translates in any locale but C
    with own_server() as found:
        with psycopg.connect(found, autocommit=True) as connection:
            connection.execute(b"ALTER SYSTEM SET lc_messages = 'C.UTF-8'")
            connection.execute(b"SELECT pg_reload_conf()")
            connection.execute(b"CREATE ROLE station LOGIN CONNECTION LIMIT 0")
        eventually(lambda: "FATAL:  Rolle" in str(refusal(found.replace("skycam@", "nobody@"))), "it speaks German")
        yield found.replace("skycam@", "station@")


def refusal(address: str) -> psycopg.OperationalError:
    with pytest.raises(psycopg.OperationalError) as refused:
        psycopg.connect(address)
    return refused.value


def test_a_full_server_is_known_by_its_code_in_any_language(german_server: str) -> None:
    assert "zu viele Verbindungen" in str(refusal(german_server))
    assert is_full(refusal(german_server))
    assert not is_full(refusal(german_server.replace("station@", "nobody@")))


def test_a_server_is_asked_for_the_code_of_a_message_once(german_server: str) -> None:
    log = Path(unquote(urlsplit(german_server).netloc.partition("@")[2])) / "log"
    error = refusal(german_server.replace("station@", "nobody@"))
    refused = log.read_text().count("FATAL:")
    assert [refusal_code(error) for _ in range(3)] == ["28000"] * 3
    assert log.read_text().count("FATAL:") - refused <= 1


def test_a_process_without_a_free_file_still_has_the_first_error(german_server: str) -> None:
    error = refusal(german_server.replace("station@", "somebody@"))
    with without_files():
        assert not is_full(error)


def test_a_server_that_is_away_is_not_waited_for(tmp_path: Path) -> None:
    with pytest.raises(OperationalError, match="No such file"):
        value(database_at(f"postgresql:///none?host={tmp_path}"))
