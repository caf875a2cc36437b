"""The thread that searches and attempts: one that hangs delays no other, an error stops nothing, a stop waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from prometheus_client import REGISTRY

from core.deliveries.thread import Attempt, DeliveryThread, Due, ReceiverPool
from tests.harness.waiting import PATIENCE_S, eventually

LONG_S = 3600.0


class Letters:
    """Deliveries without a database: those of `a` hang until the test ends, those of `b` fail, others arrive."""

    def __init__(self, *waiting: str) -> None:
        self.waiting, self.arrived, self.closing = list(waiting), list[str](), threading.Event()
        self.attempts = dict.fromkeys("abc", 0)
        self.maintained = 0
        self.has_begun, self.has_ended = threading.Event(), threading.Event()

    def maintain(self) -> None:
        self.maintained += 1

    def due(self) -> list[Due]:
        return [Due(letter[0], letter) for letter in self.waiting]

    def attempt(self, letter: str) -> Attempt | None:
        if letter not in self.waiting:
            return None
        self.attempts[letter[0]] += 1
        self.has_begun.set()
        {"a": self.hang, "b": self.fail, "c": self.arrive}[letter[0]](letter)
        return Attempt()

    def depends_on_time(self) -> bool:
        return bool(self.waiting)

    def hang(self, _: str) -> None:
        self.closing.wait(PATIENCE_S)
        self.has_ended.set()

    def fail(self, _: str) -> None:
        raise LookupError("gone")

    def arrive(self, letter: str) -> None:
        self.waiting.remove(letter)
        self.arrived.append(letter)


Start = Callable[..., DeliveryThread]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[tuple[DeliveryThread, Letters]] = []

    def start_thread(letters: Letters, size: int = 2, poll_s: float = LONG_S) -> DeliveryThread:
        thread = DeliveryThread("webhooks", letters, ReceiverPool(size), poll_s=poll_s)
        started.append((thread, letters))
        thread.start()
        return thread

    yield start_thread
    for thread, letters in started:
        letters.closing.set()
        thread.stop(PATIENCE_S)


def errors() -> float:
    return REGISTRY.get_sample_value("skycam_background_failures_total", {"task": "webhooks"}) or 0.0


def test_all_that_waits_for_a_receiver_is_attempted_one_after_another(start: Start) -> None:
    letters = Letters("c1", "c2", "c3")
    start(letters)
    eventually(lambda: letters.arrived == ["c1", "c2", "c3"])


def test_one_that_hangs_delays_no_other(start: Start) -> None:
    letters = Letters("a1", "c1", "c2")
    start(letters)
    eventually(lambda: letters.arrived == ["c1", "c2"])
    assert letters.attempts["a"] == 1


def test_what_comes_later_is_found_after_a_wake_up(start: Start) -> None:
    letters = Letters()
    thread = start(letters)
    letters.waiting.append("c1")
    thread.wake()
    eventually(lambda: letters.arrived == ["c1"])


def test_an_error_is_counted_and_not_repeated_without_a_pause(start: Start) -> None:
    before, letters = errors(), Letters("b1")
    thread = start(letters)
    eventually(lambda: errors() == before + 1)
    letters.waiting.append("c1")
    thread.wake()
    eventually(lambda: letters.arrived == ["c1"])
    assert letters.attempts["b"] <= 3


def test_the_maintenance_is_not_repeated_for_each_wake_up(start: Start) -> None:
    letters = Letters("c1", "c2", "c3")
    start(letters)
    eventually(lambda: letters.arrived == ["c1", "c2", "c3"])
    assert letters.maintained == 1


def test_a_stop_waits_for_the_attempt_that_runs(start: Start) -> None:
    letters = Letters("a1")
    thread = start(letters)
    assert letters.has_begun.wait(PATIENCE_S)
    thread.request_stop()
    assert thread.is_stopping()
    letters.closing.set()
    thread.stop(PATIENCE_S)
    assert letters.has_ended.is_set()


def test_what_another_process_has_taken_is_no_attempt(start: Start) -> None:
    letters = Letters("c1")
    assert Letters().attempt("c1") is None
    start(letters)
    eventually(lambda: letters.arrived == ["c1"])
