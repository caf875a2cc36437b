"""The station's Redis: key names, connections, and the errors of a broker that cannot be reached. Every name begins
with the station's id, because pub/sub ignores database numbers. After a call times out, further calls fail at once
until a probe succeeds: a broker that has stopped refuses connections at once, one that hangs would cost each call its
timeout."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.broker.hiredis_client import BrokerDown
from core.outages import describe_failure

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

log = logging.getLogger(__name__)
PROBE_EVERY_S = 1.0
CONNECT_S = 1.0
"""The timeout of a connection with its sign-in, and of a probe."""


class CircuitOpen(redis.ConnectionError):
    """The call was not made because the circuit is open."""


class CircuitBreaker:
    """One for each process, used from any thread: `_lock` guards `_is_open`. While it is open, a thread calls `probe`
    every PROBE_EVERY_S; any result but a redis.TimeoutError closes it."""

    def __init__(self, probe: Callable[[], object]) -> None:
        self._probe = probe
        self._lock = threading.Lock()
        self._is_open = False

    def check_closed(self) -> None:
        """Raise CircuitOpen while the circuit is open."""
        with self._lock:
            if self._is_open:
                raise CircuitOpen("The broker does not answer; it is tried again each second.")

    def open_circuit(self) -> None:
        """Call this after a timeout. The first probe starts at once, so that a single slow call opens the circuit only
        briefly."""
        with self._lock:
            if self._is_open:
                return
            threading.Thread(target=self._probe_until_answered, name="broker-probe", daemon=True).start()
            self._is_open = True  # last: without its thread the circuit would never close

    def _probe_until_answered(self) -> None:
        log.warning("The broker hangs; calls fail at once until it answers.")
        try:
            while self._times_out():
                time.sleep(PROBE_EVERY_S)
        finally:
            with self._lock:
                self._is_open = False
        log.warning("Calls go to the broker again.")

    def _times_out(self) -> bool:
        try:
            self._probe()
        except redis.TimeoutError:
            return True
        # A broker that refuses the connection, or answers with an error, costs no call a timeout.
        except (redis.RedisError, OSError) as error:
            log.warning("The broker is gone: %s.", describe_failure(error))
        return False


@functools.cache
def process_breaker() -> CircuitBreaker:
    """This process's."""
    options: Any = {"socket_connect_timeout": CONNECT_S, "socket_timeout": CONNECT_S, "retry": Retry(NoBackoff(), 0)}
    # A client without the breaker, or the open circuit would refuse the probe that is to close it.
    return CircuitBreaker(redis.Redis.from_url(settings.STATION.redis_url, **options).ping)


class CircuitBreakerPool(redis.ConnectionPool):
    """Connections that open the circuit when they time out. While it is open, no connection is handed out."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("retry", Retry(NoBackoff(), 0))  # each retry would cost its call the timeout once more
        kind = options.pop("connection_class", redis.Connection)
        # `from_url` gives the class by the URL's scheme: TCP, TLS or a Unix socket.
        super().__init__(
            connection_class=type(f"CircuitBreaker{kind.__name__}", (_CircuitBreakerConnection, kind), {}), **options
        )

    def get_connection(self, *names: Any, **options: Any) -> Any:
        process_breaker().check_closed()
        try:
            # This connects, which may time out too; the connection's methods below see only its commands.
            return super().get_connection(*names, **options)
        except redis.TimeoutError:
            process_breaker().open_circuit()
            raise


class _CircuitBreakerConnection:
    """A mixin for redis-py's connections."""

    def on_connect_check_health(self: Any, check_health: bool = True) -> None:
        # The kernel accepts connections for a broker that hangs, so it is the sign-in that times out.
        self.update_current_socket_timeout(CONNECT_S)
        super().on_connect_check_health(check_health=check_health)  # type: ignore[misc]
        self.update_current_socket_timeout(-1)  # redis-py: -1 stands for the connection's `socket_timeout`

    def send_packed_command(self: Any, *command: Any, **options: Any) -> None:
        try:
            super().send_packed_command(*command, **options)  # type: ignore[misc]
        except redis.TimeoutError:
            process_breaker().open_circuit()
            raise

    def read_response(self: Any, *how: Any, **options: Any) -> Any:
        try:
            return super().read_response(*how, **options)  # type: ignore[misc]
        except redis.TimeoutError:
            process_breaker().open_circuit()
            raise


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
