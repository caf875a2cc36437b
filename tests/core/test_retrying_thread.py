"""`core.retrying_thread`: work that goes on after errors, is woken, and stops."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from prometheus_client import REGISTRY

from core.retrying_thread import RetryingThread
from tests.harness.waiting import PATIENCE_S, eventually

LONG_S = 3600.0
Start = Callable[[Callable[[], float | None], float], RetryingThread]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[RetryingThread] = []

    def start(work: Callable[[], float | None], interval_s: float) -> RetryingThread:
        started.append(RetryingThread("sweep", work, interval_s))
        started[-1].start()
        return started[-1]

    yield start
    for thread in started:
        thread.stop(PATIENCE_S)


class Rounds:
    """Counts its calls; the first `errors` of them fail."""

    def __init__(self, errors: int = 0) -> None:
        self._errors, self._calls = errors, threading.Semaphore(0)
        self.count = 0

    def __call__(self) -> None:
        self.count += 1
        self._calls.release()
        if self.count <= self._errors:
            raise LookupError("gone")

    def next(self) -> bool:
        """Wait for one more call."""
        return self._calls.acquire(timeout=PATIENCE_S)


def failures() -> float:
    return REGISTRY.get_sample_value("skycam_background_failures_total", {"task": "sweep"}) or 0.0


def test_work_is_repeated_after_the_interval(start: Start) -> None:
    rounds = Rounds()
    start(rounds, 0.01)
    assert all(rounds.next() for _ in range(3))


def test_an_error_is_counted_and_the_work_is_tried_again(start: Start) -> None:
    before, rounds = failures(), Rounds(errors=2)
    start(rounds, 0.01)
    assert all(rounds.next() for _ in range(4))
    assert failures() == before + 2


def test_a_thread_that_is_woken_works_before_its_interval_has_passed(start: Start) -> None:
    rounds = Rounds()
    thread = start(rounds, LONG_S)
    assert rounds.next()
    thread.wake()
    assert rounds.next()


def test_a_wake_up_during_the_work_is_not_lost(start: Start) -> None:
    rounds, may_return = Rounds(), threading.Event()

    def work() -> None:
        rounds()
        may_return.wait(PATIENCE_S)

    thread = start(work, LONG_S)
    assert rounds.next()
    thread.wake()
    may_return.set()
    assert rounds.next()


def test_a_stop_does_not_wait_for_the_interval(start: Start) -> None:
    rounds = Rounds()
    thread = start(rounds, LONG_S)
    assert rounds.next()
    thread.stop(PATIENCE_S)
    assert not is_running("sweep")
    assert rounds.count == 1


def test_long_work_sees_that_it_is_to_stop(start: Start) -> None:
    working = threading.Event()

    def work() -> None:
        working.set()
        eventually(thread.is_stopping)

    thread = RetryingThread("sweep", work, LONG_S)
    thread.start()
    assert working.wait(PATIENCE_S)
    thread.stop(PATIENCE_S)
    assert not is_running("sweep")


def test_an_error_is_passed_on() -> None:
    errors: list[Exception] = []
    rounds = Rounds(errors=1)
    thread = RetryingThread("sweep", rounds, LONG_S, on_error=errors.append)
    thread.start()
    assert rounds.next()
    thread.stop(PATIENCE_S)
    assert [str(error) for error in errors] == ["gone"]


class Pauses(threading.Event):
    """Wakes a thread, and notes for how long it was to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout)
        return super().wait(timeout)


def test_work_that_fails_without_an_interval_is_not_repeated_at_once() -> None:
    rounds, pauses = Rounds(errors=1), Pauses()
    thread = RetryingThread("sweep", rounds, awake=pauses, retry_s=LONG_S)
    thread.start()
    eventually(lambda: pauses.seconds)
    thread.stop(PATIENCE_S)
    assert (rounds.count, pauses.seconds) == (1, [LONG_S])


def test_work_can_ask_for_another_pause(start: Start) -> None:
    rounds = Rounds()

    def work() -> float:
        rounds()
        return 0.0

    start(work, LONG_S)
    assert all(rounds.next() for _ in range(3))


def test_the_end_is_reached_after_an_error_too() -> None:
    last, rounds = threading.Event(), Rounds(errors=1)
    thread = RetryingThread("sweep", rounds, LONG_S, at_end=last.set)
    thread.start()
    assert rounds.next()
    thread.stop(PATIENCE_S)
    assert last.is_set()


def test_a_stop_ends_a_pause_within_the_work() -> None:
    pausing = threading.Event()

    def work() -> None:
        pausing.set()
        thread.pause(LONG_S)

    thread = RetryingThread("sweep", work)
    thread.start()
    assert pausing.wait(PATIENCE_S)
    thread.stop(PATIENCE_S)
    assert not is_running("sweep")


def test_a_thread_that_never_started_can_be_stopped() -> None:
    RetryingThread("sweep", Rounds(), LONG_S).stop(PATIENCE_S)
    assert not is_running("sweep")


def is_running(name: str) -> bool:
    return name in {thread.name for thread in threading.enumerate()}
