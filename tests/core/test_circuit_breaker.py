"""A broker that hangs: the first call waits, the next ones fail without a call, and calls work again afterwards."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import redis
from django.core.cache import cache

from captures.files.thumbnails import send_render_task
from captures.models import CaptureFile
from core.broker import broker
from core.broker import broker as circuit_breaker
from core.broker.broker import BrokerDown, CircuitBreaker, CircuitOpen
from tests.harness.waiting import PATIENCE_S, eventually

ANSWER_S = 0.3
"""How long a call waits for a broker that hangs; 3 s on a station."""


@pytest.fixture
def client(empty_broker: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[redis.Redis]:
    """The station's own connection, which is impatient."""
    monkeypatch.setattr(broker, "ANSWER_S", ANSWER_S)
    yield broker.connection()
    broker.connection.cache_clear()


class Process:
    """Valkey's."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        # A call that was too slow on a busy machine may have opened the circuit before.
        eventually(answers)
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            self.resume()
            eventually(answers)


@pytest.fixture
def process(client: redis.Redis, empty_broker: redis.Redis) -> Process:
    return Process(empty_broker.info("server")["process_id"])


def answers() -> bool:
    try:
        return bool(broker.connection().ping())
    except broker.UNREACHABLE:
        return False


def failure(call: Callable[[], object]) -> type[BaseException]:
    """The class of what it raises: CircuitOpen says that the broker was not called."""
    with pytest.raises((BrokerDown, *broker.UNREACHABLE)) as caught:
        call()
    return caught.type


def test_only_the_first_call_to_a_broker_that_hangs_waits(client: redis.Redis, process: Process) -> None:
    with process.stopped():
        failures = [failure(client.ping) for _ in range(20)]
    assert failures == [redis.TimeoutError, *[CircuitOpen] * 19]


def test_calls_of_many_threads_wait_once(client: redis.Redis, process: Process) -> None:
    with ThreadPoolExecutor(20) as callers, process.stopped():
        failure(client.ping)
        failures = set(callers.map(failure, [client.ping] * 200))
    assert failures == {CircuitOpen}


def test_the_cache_uses_the_open_circuit_of_an_earlier_call(client: redis.Redis, process: Process) -> None:
    with process.stopped():
        failure(client.ping)
        assert failure(lambda: cache.set("tries", 1)) is CircuitOpen


def test_calls_work_again_after_the_broker_resumes(client: redis.Redis, process: Process) -> None:
    with process.stopped():
        failure(client.ping)
        process.resume()
        eventually(answers)


def test_a_new_connection_to_a_broker_that_hangs_does_not_wait_for_as_long_as_a_call(
    client: redis.Redis, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "ANSWER_S", 2 * PATIENCE_S)
    broker.connection.cache_clear()
    with ThreadPoolExecutor(1) as caller, process.stopped():
        broker.connection().connection_pool.disconnect()
        assert caller.submit(failure, broker.connection().ping).result(PATIENCE_S) is redis.TimeoutError


def test_one_call_that_times_out_blocks_no_others(client: redis.Redis) -> None:
    eventually(answers)
    assert failure(lambda: client.blpop(["nothing"], timeout=2 * PATIENCE_S)) is redis.TimeoutError
    eventually(answers)


def test_the_first_probe_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuit_breaker, "PROBE_EVERY_S", 2 * PATIENCE_S)
    breaker = CircuitBreaker(lambda: None)
    breaker.open_circuit()
    eventually(lambda: is_closed(breaker))


def is_closed(breaker: CircuitBreaker) -> bool:
    try:
        breaker.check_closed()
    except CircuitOpen:
        return False
    return True


def test_a_task_for_a_broker_that_hangs_is_given_up(file: CaptureFile, process: Process) -> None:
    with process.stopped():
        assert failure(lambda: send_render_task(file)) is BrokerDown
