"""The database or the broker is away: which errors say so, and why, in words for a log and for who has to mend it."""

from __future__ import annotations

import logging

import redis
from django.db import InterfaceError, InternalError, OperationalError

from core.tls_errors import certificate_problem, chain

DATABASE_AWAY = (InterfaceError, InternalError, OperationalError)
"""For `except`. InternalError is that of a PostgreSQL that is read-only, such as a standby after a fail-over."""
READ_ONLY = "25006"
"""PostgreSQL's `read_only_sql_transaction`."""
BROKER_AWAY = (redis.ConnectionError, redis.TimeoutError)
WORDS = {
    "AuthenticationError": "it refuses the password in REDIS_URL",
    "CircuitOpen": "it hangs",
    "NoPermissionError": "its user may not do this",
    "OutOfMemoryError": "its memory is full",
    "ReadOnlyError": "it is read-only, as a replica is",
    "TimeoutError": "no answer in time",
}
"""Type of an error of redis-py -> what it means."""


SQLITE_ERROR = 1
"""A faulty statement, such as one that names a table which does not exist."""


def shorten_outage(record: logging.LogRecord) -> logging.LogRecord:
    """The record, or one line in place of the traceback of a database or broker that is away. The handler writes it
    once a minute for all threads of a part: each of them meets it."""
    error = record.exc_info[1] if record.exc_info else None
    service, sentence = outage_of(error) if error else ("", "")
    if not service:
        return record
    # A copy: other handlers get the traceback.
    line = logging.makeLogRecord(record.__dict__)
    line.msg, line.args, line.exc_info, line.exc_text = sentence, (), None, None
    line.repeats_as = service
    return line


def describe_failure(error: BaseException) -> str:
    """In words that follow "The broker does not answer: "."""
    return certificate_problem(error) or next(
        (words for one in chain(error) if (words := words_for(one))), type(error).__name__
    )


def words_for(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return WORDS.get(type(error).__name__, "")


def outage_of(error: BaseException) -> tuple[str, str]:
    """Which service is away, and a sentence about it; empty texts if the error says nothing of the kind."""
    if is_database_away(error) and not is_faulty_statement(error):
        return "database", f"The database does not answer ({first_line(error)}). What needs it is tried again."
    # The cause: what the broker's callers raise, `BrokerDown` and Celery's error, is raised from that of redis-py.
    if isinstance(error, BROKER_AWAY) or isinstance(error.__cause__, BROKER_AWAY):
        return "broker", f"The broker does not answer: {describe_failure(error)}. What needs it is tried again."
    return "", ""


def first_line(error: BaseException) -> str:
    """psycopg's messages have several."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def is_read_only(error: BaseException) -> bool:
    """Whether PostgreSQL has refused a write because it is read-only."""
    return getattr(error.__cause__, "sqlstate", "") == READ_ONLY


def is_database_away(error: BaseException) -> bool:
    """Whether the database is away, locked, or takes no writes: what needed it can be tried again."""
    return isinstance(error, InterfaceError | OperationalError) or is_read_only(error)


def is_faulty_statement(error: BaseException) -> bool:
    """SQLite has no other type for it than that of a database that is away."""
    return getattr(error.__cause__, "sqlite_errorcode", None) == SQLITE_ERROR
