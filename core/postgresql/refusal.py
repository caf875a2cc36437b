"""The code with which a server refused a connection, whatever language its messages have."""

from __future__ import annotations

import os
import re
import select
import time

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo

FROM_SERVER = re.compile(r": \w+:  ")
"""A severity and two spaces, as in `failed: FATAL:  sorry, too many clients already`. Messages of libpq have none."""
CODE = re.compile(rb'\sErrorResponse\s.*? C "(\w{5})"')
WAIT_S = 5.0


def refusal_code(error: psycopg.OperationalError) -> str:
    """The SQLSTATE for a connection that the server refused; empty when something else has failed, or when there is a
    place now. libpq keeps the code of a refused connection to itself, but writes it into its trace: the connection is
    tried once more, with one."""
    if error.pgconn is None or not FROM_SERVER.search(str(error)):
        return ""
    options = {option.keyword.decode(): option.val.decode() for option in error.pgconn.info if option.val}
    trace = os.memfd_create("trace")
    try:
        _try(make_conninfo(**options).encode(), trace)
        found = CODE.search(os.pread(trace, 100_000, 0))
    except psycopg.Error:  # the first error says more
        return ""
    finally:
        os.close(trace)
    return found[1].decode() if found else ""


def _try(conninfo: bytes, trace: int) -> None:
    connection, until = pq.PGconn.connect_start(conninfo), time.monotonic() + WAIT_S
    try:
        connection.trace(trace)
        while (state := connection.connect_poll()) in {pq.PollingStatus.READING, pq.PollingStatus.WRITING}:
            poll = select.poll()
            poll.register(connection.socket, select.POLLIN if state == pq.PollingStatus.READING else select.POLLOUT)
            if not poll.poll(1000 * max(0.0, until - time.monotonic())):
                return
        connection.untrace()  # writes what it holds back
    finally:
        connection.finish()
