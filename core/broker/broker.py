"""The station's Redis: key names, connections, and the errors of a broker that cannot be reached.

Every name begins with the station's id, because pub/sub ignores database numbers.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from django.conf import settings

from core.broker.circuit_breaker import CONNECT_S, CircuitBreakerPool
from core.broker.hiredis_client import BrokerDown

__all__ = [
    "UNREACHABLE",
    "BrokerDown",
    "binary_connection",
    "connection",
    "key",
    "milliseconds",
    "reachable",
    "time_ms",
]

ANSWER_S = 3.0
UNREACHABLE = (redis.RedisError, OSError)
"""What a broker raises that is down, or that refuses a command: read-only, out of memory, or not permitted."""


def key(*parts: str) -> str:
    """`key("status", "dslr")` is `<station>:status:dslr`."""
    return ":".join((settings.STATION.station.id, *parts))


@functools.cache
def connection() -> redis.Redis:
    """The process's connection pool: 1 s to connect, 3 s to answer; calls fail at once while the circuit is open."""
    return _connect(decode_responses=True)


@functools.cache
def binary_connection() -> redis.Redis:
    """The same, for values that are no text."""
    return _connect(decode_responses=False)


def _connect(*, decode_responses: bool) -> redis.Redis:
    options: dict[str, Any] = {"socket_connect_timeout": CONNECT_S, "socket_timeout": ANSWER_S}
    # Not `Redis.from_url`, which always makes a plain ConnectionPool, without the circuit breaker.
    pool = CircuitBreakerPool.from_url(settings.STATION.redis_url, **options, decode_responses=decode_responses)
    return redis.Redis.from_pool(pool)


@contextmanager
def reachable() -> Iterator[redis.Redis]:
    """The connection; BrokerDown when the broker cannot be reached."""
    try:
        yield connection()
    except UNREACHABLE as error:
        raise BrokerDown from error


def time_ms(server: redis.Redis) -> int:
    """Redis TIME in milliseconds: the clock of all deadlines."""
    return milliseconds(server.time())


def milliseconds(answer: Any) -> int:
    """The answer of TIME, seconds and microseconds, in milliseconds."""
    seconds, microseconds = answer
    return int(seconds) * 1000 + int(microseconds) // 1000
