"""The code with which a server refused a connection, whatever language its messages have."""

from __future__ import annotations

import os
import re
import select
import time

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo

FROM_SERVER = re.compile(r": \w+:  (.+)")
"""A severity and two spaces, as in `failed: FATAL:  sorry, too many clients already`. Messages of libpq have none."""
CODE = re.compile(r'\sErrorResponse\s.*? C "(\w{5})"')
WAIT_S = 5.0
_codes: dict[str, str] = {}
"""Message of a server -> its code. Asked once: a question is another connection to a server that has no place for it,
and psycopg keeps 5 kB of each trace for ever."""


def refusal_code(error: psycopg.OperationalError) -> str:
    """The SQLSTATE for a connection that the server refused; empty when something else has failed, or when there is a
    place now. libpq keeps the code of a refused connection to itself, but writes it into its trace: the connection is
    tried once more, with one."""
    refused = FROM_SERVER.search(str(error))
    if error.pgconn is None or refused is None:
        return ""
    message = refused[1]
    if message not in _codes:
        options = {option.keyword.decode(): option.val.decode() for option in error.pgconn.info if option.val}
        try:
            trace = _trace(make_conninfo(**options).encode())
        except (psycopg.Error, OSError):  # the first error says more
            return ""
        found = CODE.search(trace)
        # This time the server may have refused it for another reason.
        if found is None or f'M "{message}"' not in trace:
            return found[1] if found else ""
        _codes[message] = found[1]
    return _codes[message]


def _trace(conninfo: bytes) -> str:
    """Of one try to connect. In memory: it may have a password. psycopg.Error, OSError."""
    file = os.memfd_create("trace")
    try:
        _try(conninfo, file)
        return os.pread(file, 100_000, 0).decode("utf-8", "replace")
    finally:
        os.close(file)


def _try(conninfo: bytes, trace: int) -> None:
    connection, until = pq.PGconn.connect_start(conninfo), time.monotonic() + WAIT_S
    try:
        connection.trace(trace)
        while (state := connection.connect_poll()) in {pq.PollingStatus.READING, pq.PollingStatus.WRITING}:
            poll = select.poll()
            poll.register(connection.socket, select.POLLIN if state == pq.PollingStatus.READING else select.POLLOUT)
            if not poll.poll(1000 * max(0.0, until - time.monotonic())):
                return
    finally:
        # It writes what it holds back: else the end of the process would, into whatever file has the number then.
        connection.untrace()
        connection.finish()
