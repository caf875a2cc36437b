"""A broker that hangs: the first call waits, the next ones fail at once, and calls work again soon after it resumes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.cache import cache

from captures.files.thumbnails import send_render_task
from captures.models import CaptureFile
from core.broker import broker
from core.broker.broker import BrokerDown
from core.broker.circuit_breaker import PROBE_EVERY_S
from tests.harness.busy_machine import own_seconds
from tests.harness.waiting import eventually

AT_ONCE_S = 0.7
"""Less than the second that a call waits for a broker that hangs."""


def answers(valkey: Any) -> bool:
    try:
        return bool(valkey.ping())
    except broker.UNREACHABLE:
        return False


class Process:
    """Valkey's."""

    def __init__(self, valkey: Any) -> None:
        self.pid, self._valkey = valkey.info("server")["process_id"], valkey

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            self.resume()
            eventually(lambda: answers(self._valkey))


@pytest.fixture
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls wait for half of the usual time, and still longer than a new connection."""
    monkeypatch.setattr(broker, "ANSWER_S", broker.ANSWER_S / 2)


impatient = pytest.mark.usefixtures("impatience")


@pytest.fixture
def process(valkey: Any) -> Process:
    return Process(valkey)


def failing_s(call: Callable[[], object]) -> float:
    """Seconds until it failed."""
    began = own_seconds()
    with pytest.raises((BrokerDown, *broker.UNREACHABLE)):
        call()
    return own_seconds() - began


@impatient
def test_only_the_first_call_to_a_broker_that_hangs_waits(valkey: Any, process: Process) -> None:
    with process.stopped():
        first, following = failing_s(valkey.ping), [failing_s(valkey.ping) for _ in range(20)]
    assert 1 < first < broker.ANSWER_S + 5
    assert max(following) < AT_ONCE_S


@impatient
def test_calls_of_many_threads_wait_once(valkey: Any, process: Process) -> None:
    with ThreadPoolExecutor(20) as callers, process.stopped():
        callers.submit(failing_s, valkey.ping).result()
        began = own_seconds()
        list(callers.map(failing_s, [valkey.ping] * 200))
    assert own_seconds() - began < 2 * broker.ANSWER_S  # 200 calls in turn would wait for 10 s on 20 threads


@impatient
def test_the_cache_uses_the_open_circuit_of_an_earlier_call(valkey: Any, process: Process) -> None:
    with process.stopped():
        failing_s(valkey.ping)
        assert failing_s(lambda: cache.set("tries", 1)) < AT_ONCE_S


@impatient
def test_calls_work_again_within_two_seconds_after_the_broker_resumes(valkey: Any, process: Process) -> None:
    with process.stopped():
        failing_s(valkey.ping)
        process.resume()
        began = own_seconds()
        eventually(lambda: answers(valkey))
    assert own_seconds() - began < 2 * PROBE_EVERY_S


def test_a_new_connection_to_a_broker_that_hangs_waits_a_second(valkey: Any, process: Process) -> None:
    valkey.connection_pool.disconnect()
    with process.stopped():
        assert failing_s(valkey.ping) < 2.5  # on an open connection it would wait for 3 s


@impatient
def test_one_call_that_times_out_blocks_no_others(valkey: Any) -> None:
    valkey.ping()
    failing_s(lambda: valkey.blpop(["nothing"], timeout=broker.ANSWER_S + 2))
    began = own_seconds()
    eventually(lambda: answers(valkey))
    assert own_seconds() - began < AT_ONCE_S


def test_a_task_for_a_broker_that_hangs_is_given_up(file: CaptureFile, process: Process) -> None:
    with process.stopped():
        assert failing_s(lambda: send_render_task(file)) < 4 * broker.ANSWER_S
