"""`core.outages`: which errors say that the database or the broker is away, and how a log says it."""

from __future__ import annotations

import io
import logging
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis
from django.db import DatabaseError, IntegrityError, OperationalError
from django.db.backends.postgresql.base import DatabaseWrapper

from core.api.exceptions import database_error
from core.background import log_and_continue
from core.broker.hiredis_client import BrokerDown, open_client
from core.limits.repeats import RepeatLimitingHandler
from core.outages import describe_failure, is_database_away, outage_of, shorten_outage
from skycam_project.config.database import django_database
from tests.harness.far_ends.network.encrypted import certificate
from tests.harness.far_ends.webhook_receiver import receiving, server_context, status
from tests.harness.postgresql import postgresql

DEFAULTS = {"TIME_ZONE": None, "AUTOCOMMIT": True, "ATOMIC_REQUESTS": False}


@pytest.fixture
def read_only() -> Iterator[DatabaseWrapper]:
    """A connection to a PostgreSQL that refuses writes."""
    with postgresql() as address:
        wrapper = DatabaseWrapper({**django_database(address, Path()), **DEFAULTS})
        with closing(wrapper), wrapper.cursor() as cursor:
            cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
            yield wrapper


def refusal(connection: DatabaseWrapper) -> DatabaseError:
    with pytest.raises(DatabaseError) as raised, connection.cursor() as cursor:
        cursor.execute("DELETE FROM monitoring_event")
    return raised.value


@pytest.mark.django_db
def test_a_postgresql_that_is_read_only_is_away(read_only: DatabaseWrapper) -> None:
    assert is_database_away(refusal(read_only))


@pytest.mark.django_db
def test_the_api_answers_503_while_postgresql_is_read_only(read_only: DatabaseWrapper) -> None:
    problem = database_error(refusal(read_only))
    assert problem is not None
    assert problem.response("/api/v1/cameras/").status_code == 503
    assert "read-only" in problem.detail


def test_a_violated_constraint_is_no_outage() -> None:
    assert outage_of(IntegrityError("duplicate key")) == ("", "")


def unreachable_broker(url: str) -> redis.RedisError:
    with pytest.raises(redis.RedisError) as raised, redis.Redis.from_url(url) as client:
        client.ping()
    return raised.value


def test_a_broker_with_an_untrusted_certificate_is_named_as_such(tmp_path: Path) -> None:
    file = certificate(tmp_path, "localhost")
    with receiving(status(200), server_context(file)) as receiver:
        text = describe_failure(unreachable_broker(f"rediss://127.0.0.1:{receiver.port}/0"))
    assert text.startswith("its certificate is not trusted (self-signed certificate)")
    assert "?ssl_ca_certs=" in text


def test_a_broker_with_a_certificate_of_another_name_is_named_as_such(tmp_path: Path) -> None:
    file = certificate(tmp_path, "broker.example")
    with receiving(status(200), server_context(file)) as receiver:
        url = f"rediss://localhost:{receiver.port}/0?ssl_ca_certs={file}&ssl_check_hostname=true"
        text = describe_failure(unreachable_broker(url))
    assert "is not for the name in REDIS_URL" in text


def test_a_command_names_the_untrusted_certificate(tmp_path: Path) -> None:
    file = certificate(tmp_path, "localhost")
    with (
        receiving(status(200), server_context(file)) as receiver,
        pytest.raises(BrokerDown, match="its certificate is not trusted"),
        open_client(f"rediss://127.0.0.1:{receiver.port}/0"),
    ):
        raise AssertionError("unreachable")


def test_a_closed_port_is_named() -> None:
    with socket.socket() as bound:
        # Bound and not listening: nothing answers there, and no other program gets the port.
        bound.bind(("127.0.0.1", 0))
        text = describe_failure(unreachable_broker(f"redis://127.0.0.1:{bound.getsockname()[1]}/0"))
    assert text == "connection refused"


@pytest.fixture
def part_log() -> Iterator[io.StringIO]:
    """What a part logs, with the handler of the settings."""
    stream = io.StringIO()
    handler, log = RepeatLimitingHandler(stream, shorten=shorten_outage), logging.getLogger("core.background")
    log.addHandler(handler)
    yield stream
    log.removeHandler(handler)


def fail(thread: str, error: Exception) -> None:
    with log_and_continue(thread):
        raise error


def test_an_outage_is_one_line_for_all_threads_of_a_part(part_log: io.StringIO) -> None:
    for thread in ("web-hooks", "notifications", "planning"):
        fail(thread, OperationalError(f"connection refused for {thread}"))
    assert part_log.getvalue() == (
        "The database does not answer (connection refused for web-hooks). What needs it is tried again.\n"
    )


def test_each_service_has_its_own_line(part_log: io.StringIO) -> None:
    fail("web-hooks", OperationalError("connection refused"))
    fail("web-hooks", redis.ConnectionError("connection refused"))
    assert [line.split()[1] for line in part_log.getvalue().splitlines()] == ["database", "broker"]


def test_a_fault_of_the_code_keeps_its_traceback(part_log: io.StringIO) -> None:
    fail("web-hooks", KeyError("missing"))
    assert "KeyError: 'missing'" in part_log.getvalue()


def test_a_statement_that_names_no_table_keeps_its_traceback(part_log: io.StringIO) -> None:
    with pytest.raises(sqlite3.OperationalError) as raised, closing(sqlite3.connect(":memory:")) as database:
        database.execute("SELECT * FROM nowhere")
    error = OperationalError("no such table: nowhere")
    error.__cause__ = raised.value
    fail("web-hooks", error)
    assert "OperationalError: no such table: nowhere" in part_log.getvalue()
