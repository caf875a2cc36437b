"""`ConnectionPool`: the connections of this process to one database; and the code with which a server refused one,
whatever language its messages have."""

from __future__ import annotations

import os
import random
import re
import select
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus

FROM_SERVER = re.compile(r": \w+:  (.+)")
"""A severity and two spaces, as in `failed: FATAL:  sorry, too many clients already`. Messages of libpq have none."""
CODE = re.compile(r'\sErrorResponse\s.*? C "(\w{5})"')
TRACE_S = 5.0
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
    connection, until = pq.PGconn.connect_start(conninfo), time.monotonic() + TRACE_S
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


MOST = 4
"""Connections of a process."""
WAIT_S = 10.0
"""How long a thread waits for a free one."""
IDLE_S = 15.0
"""A connection that no thread used for so long is closed."""
SPARE_S = 2.0
"""The same for those beyond the first. Less than WAIT_S: another process may wait for their places."""
LIFETIME_S = 120.0
"""An older one is closed after its use. Where a server has too few places, each process gets one in turn."""
RETRY_S = (0.05, 0.5)
"""Between the first two tries to connect to a full server, and the most."""
FULL = ("too many", "remaining connection slots", "no more connections")
"""In the English words of PostgreSQL and PgBouncer, which need no second question."""
TOO_MANY_CONNECTIONS = "53300"


class PoolExhausted(psycopg.OperationalError):
    """No connection was free in time."""


class Pooled:
    """A connection that is lent to one thread at a time."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.is_spoiled = False
        """Set by who found that its server is of no use: it is not lent again."""
        self.idle_since = time.monotonic()
        # Not all at once: they were opened together at the start.
        self._expires_at = self.idle_since + LIFETIME_S * random.uniform(0.8, 1.2)

    def is_alive(self) -> bool:
        """Without a question to the server: on an idle connection it sends nothing but its end."""
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        return not poll.poll(0)

    def may_be_kept(self) -> bool:
        """Whether the next thread can use it. A transaction that its user left open ends with it."""
        return (
            not self.is_spoiled
            and self.connection.info.transaction_status is TransactionStatus.IDLE
            and time.monotonic() < self._expires_at
        )


class ConnectionPool:
    """Lends connections, which `connect` opens. Any thread may use it.

    The connection that was used last is lent first, so that those a busy moment has opened become idle and are closed.
    """

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection[Any]],
        most: int = MOST,
        wait_s: float = WAIT_S,
        idle_s: float = IDLE_S,
    ) -> None:
        self._connect, self._most, self._wait_s, self._idle_s = connect, most, wait_s, idle_s
        self._changed = threading.Condition()
        self._idle: list[Pooled] = []
        """The one that was used last is at the end."""
        self._open = 0
        """Idle, lent, and being opened or closed."""
        self._has_idle = threading.Event()
        self._closer: threading.Thread | None = None

    def borrow(self) -> Pooled:
        """Waits while all are lent, and while the server has no place for another one. psycopg.Error: PoolExhausted,
        or what the server says."""
        until, pause_s = time.monotonic() + self._wait_s, RETRY_S[0]
        while True:
            found = self._idle_one_or_place(until)
            if found is not None:
                if found.is_alive():
                    return found
                self._close(found)
                continue
            try:
                return Pooled(self._connect())
            except psycopg.OperationalError as error:
                self._free_place()
                if not is_full(error) or time.monotonic() + pause_s > until:
                    raise
            except BaseException:
                self._free_place()
                raise
            self._wait_for_idle_one(pause_s)
            pause_s = min(pause_s * 2, RETRY_S[1])

    def give_back(self, pooled: Pooled) -> None:
        """What cannot be used again is closed."""
        if not pooled.may_be_kept():
            self._close(pooled)
            return
        pooled.idle_since = time.monotonic()
        with self._changed:
            self._idle.append(pooled)
            self._changed.notify_all()
            if self._closer is None:
                self._closer = threading.Thread(target=self._close_idle_ones, name="idle-connections", daemon=True)
                self._closer.start()
        self._has_idle.set()

    def close(self) -> None:
        """Close the idle ones. Others follow when they are given back and become idle."""
        with self._changed:
            closing, self._idle = self._idle, []
        for one in closing:
            self._close(one)

    def _idle_one_or_place(self, until: float) -> Pooled | None:
        """None: a place is reserved for a new one."""
        with self._changed:
            while not self._idle:
                if self._open < self._most:
                    self._open += 1
                    return None
                if not self._changed.wait_for(self._has_room, max(0.0, until - time.monotonic())):
                    raise PoolExhausted(
                        f"All {self._most} connections of this part to the database are in use; none was free within "
                        f"{self._wait_s:g} s."
                    )
            return self._idle.pop()

    def _has_room(self) -> bool:
        return bool(self._idle) or self._open < self._most

    def _wait_for_idle_one(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._idle, seconds)

    def _close(self, pooled: Pooled) -> None:
        with suppress(psycopg.Error):  # it is broken already
            pooled.connection.close()
        self._free_place()

    def _free_place(self) -> None:
        with self._changed:
            self._open -= 1
            # All: one of those who wait takes only an idle connection, and no place.
            self._changed.notify_all()

    def _close_idle_ones(self) -> None:
        while True:
            self._has_idle.wait()
            with self._changed:
                now = time.monotonic()
                ends = [one.idle_since + min(SPARE_S, self._idle_s) for one in self._idle[:-1]]
                ends += [one.idle_since + self._idle_s for one in self._idle[-1:]]
                closing = [one for one, end in zip(self._idle, ends, strict=True) if end <= now]
                self._idle = [one for one, end in zip(self._idle, ends, strict=True) if end > now]
                if not self._idle:
                    self._has_idle.clear()
                # Of two idle ones the first becomes a spare when the second is lent and given back.
                pause_s = min([SPARE_S, *(end - now for end in ends if end > now)]) if self._idle else 0.0
            for one in closing:
                self._close(one)
            time.sleep(max(pause_s, 0.0))


def is_full(error: psycopg.OperationalError) -> bool:
    """Whether the server, or a pooler before it, has no place for another connection."""
    return any(words in str(error) for words in FULL) or refusal_code(error) == TOO_MANY_CONNECTIONS
