"""A minimal Redis client on hiredis, the parser of redis-py: connect, run commands, close.

For programs that must start fast; the parts of a station use `core.broker.broker`.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import hiredis

from core.tls_errors import certificate_problem

TIMEOUT_S = 1.0
SCAN_COUNT = 1000
CommandWords = tuple[str, ...]


class BrokerDown(Exception):
    """The broker did not answer. The message says what still works and what to do."""

    def __init__(self) -> None:
        super().__init__(
            "The station's broker (Valkey or Redis) does not answer, so the cameras cannot be reached. "
            "Running sessions go on. `skycam doctor` says more."
        )

    def __str__(self) -> str:
        # Here and not in the constructor: `raise BrokerDown from error` sets the cause afterwards.
        problem = certificate_problem(self.__cause__)
        return (
            f"The station's broker cannot be used: {problem}. Running sessions go on." if problem else str(self.args[0])
        )


def pack_command(command: CommandWords) -> bytes:
    found: bytes = hiredis.pack_command(cast(Any, command))  # its stub knows tuples of one word only
    return found


class HiredisClient:
    """A connection with a deadline: all its commands together take at most TIMEOUT_S."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.reader = hiredis.Reader(encoding="utf-8", errors="replace")
        self.deadline = time.monotonic() + TIMEOUT_S

    def run_commands(self, commands: Sequence[CommandWords]) -> list[Any]:
        """The replies in order; a refused command's reply is a HiredisError in the list."""
        self.connection.sendall(b"".join(map(pack_command, commands)))
        return [self._read_reply() for _ in commands]

    def _read_reply(self) -> Any:
        # hiredis gives False for an incomplete reply, and None for a null reply.
        while (found := self.reader.gets()) is False:
            # 0 would make the socket non-blocking, and a negative timeout is a ValueError.
            self.connection.settimeout(max(0.01, self.deadline - time.monotonic()))
            received = self.connection.recv(65536)
            if not received:
                raise ConnectionResetError
            self.reader.feed(received)
        return found

    def key_suffixes(self, prefix: str) -> list[str]:
        """The rest of each key that begins with `prefix`, sorted."""
        found: set[str] = set()
        cursor = "0"
        while True:
            # Not KEYS, which blocks the server for everyone while it searches all keys.
            (answer,) = self.run_commands([("SCAN", cursor, "MATCH", f"{prefix}*", "COUNT", str(SCAN_COUNT))])
            if isinstance(answer, hiredis.HiredisError):
                raise answer
            cursor, keys = answer
            found.update(key.removeprefix(prefix) for key in keys)  # a set: SCAN may return a key more than once
            if cursor == "0":
                return sorted(found)

    def values_by_suffix(self, prefix: str) -> tuple[list[str], list[str | None]]:
        """The rest of each key that begins with `prefix`, and the keys' values."""
        found = self.key_suffixes(prefix)
        return found, self.run_commands([("GET", f"{prefix}{name}") for name in found])


@contextmanager
def open_client(url: str) -> Iterator[HiredisClient]:
    """A connection to a redis://, rediss:// or unix:// address, signed in; BrokerDown when that fails."""
    parts = urlsplit(url)
    try:
        with open_socket(parts) as connection:
            connection.settimeout(TIMEOUT_S)
            found = HiredisClient(connection)
            sign_in(found, parts)
            yield found
    except (OSError, hiredis.HiredisError, ValueError) as error:
        raise BrokerDown from error


def open_socket(parts: SplitResult) -> socket.socket:
    if parts.scheme == "unix":
        return open_unix_socket(unquote(parts.path))
    plain = socket.create_connection((parts.hostname or "localhost", parts.port or 6379), TIMEOUT_S)
    if parts.scheme != "rediss":
        return plain
    options = parse_qs(parts.query)
    context = ssl.create_default_context(cafile=options.get("ssl_ca_certs", [None])[0])
    return context.wrap_socket(plain, server_hostname=parts.hostname)


def open_unix_socket(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(TIMEOUT_S)
    try:
        connection.connect(path)
    except OSError:
        # Its caller closes a connected one only.
        connection.close()
        raise
    return connection


def sign_in(broker: HiredisClient, parts: SplitResult) -> None:
    login = [unquote(text) for text in (parts.username, parts.password) if text]
    number = parse_qs(parts.query).get("db", [parts.path.strip("/") if parts.scheme != "unix" else ""])[0]
    commands: list[CommandWords] = [("AUTH", *login)] if parts.password else []
    commands += [("SELECT", number)] if number else []
    for answer in broker.run_commands(commands):
        if isinstance(answer, hiredis.HiredisError):
            raise answer
