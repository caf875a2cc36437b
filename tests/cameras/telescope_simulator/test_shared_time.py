"""The clock that several threads of a test share: it passes only while all of them wait."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.harness.clocks.shared_time import SharedTime
from tests.harness.waiting import PATIENCE_S

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def ends() -> Iterator[Pair]:
    """Both ends of a connection over loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    with near, far:
        yield near, far


def test_an_hour_passes_at_once(clock: SharedTime) -> None:
    wall_ns = clock.wall_ns()
    clock.sleep(3600)
    assert clock.monotonic() == 3600
    assert clock.wall_ns() - wall_ns == 3600 * 10**9


def test_the_time_jumps_to_the_earliest_deadline_of_all_threads(clock: SharedTime) -> None:
    seen: list[tuple[str, float]] = []
    clock.start_thread(lambda: (clock.sleep(2), seen.append(("two", clock.monotonic()))), "two")
    clock.start_thread(lambda: (clock.sleep(1), seen.append(("one", clock.monotonic()))), "one")
    clock.sleep(3)
    assert seen == [("one", 1), ("two", 2)]
    assert clock.monotonic() == 3


def test_the_time_stands_still_while_a_thread_works(clock: SharedTime) -> None:
    works, may_end = threading.Event(), threading.Event()
    at_its_end: list[float] = []

    def work() -> None:
        works.set()
        may_end.wait(PATIENCE_S)
        at_its_end.append(clock.monotonic())

    worker = clock.start_thread(work, "worker")
    clock.start_thread(lambda: clock.sleep(5), "sleeper")
    assert works.wait(PATIENCE_S)
    threading.Timer(0.2, may_end.set).start()
    clock.join(worker)
    clock.sleep(10)
    assert at_its_end == [0]


def test_a_byte_wakes_the_thread_that_waits_for_it_before_the_time_passes(clock: SharedTime, ends: Pair) -> None:
    near, far = ends
    received: list[tuple[bytes, float]] = []

    def receive() -> None:
        assert clock.wait_ready([far], [], 100) == [far]
        received.append((far.recv(10), clock.monotonic()))

    receiver = clock.start_thread(receive, "receiver")
    clock.sleep(7)
    near.sendall(b"x")
    clock.join(receiver)
    assert received == [(b"x", 7)]


def test_a_socket_that_stays_silent_is_waited_for_until_exactly_the_deadline(clock: SharedTime, ends: Pair) -> None:
    assert clock.wait_ready([ends[0]], [], 5) == []
    assert clock.monotonic() == 5


def test_a_socket_that_can_be_written_to_is_ready_at_once(clock: SharedTime, ends: Pair) -> None:
    near, far = ends
    assert clock.wait_ready([far], [near], 5) == [near]
    assert clock.monotonic() == 0


def test_a_listener_is_ready_when_a_client_connects(clock: SharedTime) -> None:
    connected_at: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            assert clock.wait_ready([listener], [], 100) == [listener]
            listener.accept()[0].close()
            connected_at.append(clock.monotonic())

        server = clock.start_thread(accept, "server")
        clock.sleep(3)
        with socket.create_connection(listener.getsockname()) as client:
            assert clock.wait_ready([client], [], 10) == [client]
        clock.join(server)
    assert connected_at == [3]


def test_a_wait_of_no_time_only_looks(clock: SharedTime, ends: Pair) -> None:
    assert clock.wait_ready([ends[0]], [], 0) == []
    assert clock.monotonic() == 0


def test_a_hundred_exchanges_take_the_time_of_their_pauses(clock: SharedTime, ends: Pair) -> None:
    near, far = ends

    def answer() -> None:
        while clock.wait_ready([far], [], None) and (byte := far.recv(1)):
            clock.sleep(0.25)
            far.sendall(byte)

    server = clock.start_thread(answer, "server")
    for _ in range(100):
        near.sendall(b"x")
        assert clock.wait_ready([near], [], 10) == [near]
        near.recv(1)
    near.shutdown(socket.SHUT_WR)
    clock.join(server)
    assert clock.monotonic() == 25


def test_bytes_that_no_one_reads_do_not_stop_the_time(clock: SharedTime, ends: Pair) -> None:
    near, _ = ends
    near.setblocking(False)
    assert near.send(bytes(50_000_000)) < 50_000_000
    assert clock.wait_ready([near], [near], 2) == []
    assert clock.monotonic() == 2


def test_the_end_of_a_thread_is_waited_for_until_a_deadline(clock: SharedTime) -> None:
    sleeper = clock.start_thread(lambda: clock.sleep(10), "sleeper")
    assert not clock.join(sleeper, within_s=4)
    assert clock.monotonic() == 4
    assert clock.join(sleeper)
    assert clock.monotonic() == 10


def test_a_thread_that_waits_outside_of_the_clock_does_not_stop_the_time(clock: SharedTime) -> None:
    passed = threading.Event()
    clock.start_thread(lambda: (clock.sleep(60), passed.set()), "sleeper")
    with clock.outside():
        assert passed.wait(PATIENCE_S)
    assert clock.monotonic() == 60


def wait_for_ever(clock: SharedTime, connection: socket.socket) -> None:
    with clock:
        clock.start_thread(lambda: clock.sleep(1e9) or clock.wait_ready([], [], None), "server")
        clock.wait_ready([connection], [], None)


def test_a_wait_without_an_end_fails_and_names_the_threads(ends: Pair) -> None:
    with pytest.raises(AssertionError, match="MainThread waits for 1 sockets; server waits for time"):
        wait_for_ever(SharedTime(patience_s=1.0), ends[0])


def wait_for_worker(clock: SharedTime, is_over: threading.Event) -> None:
    with clock:
        clock.start_thread(lambda: is_over.wait(PATIENCE_S), "worker")
        clock.sleep(1)


def test_a_thread_that_works_without_an_end_fails_the_wait_of_the_others() -> None:
    is_over = threading.Event()
    with pytest.raises(AssertionError, match="MainThread waits for time; worker runs"):
        wait_for_worker(SharedTime(patience_s=0.2), is_over)
    is_over.set()


def leave_thread(clock: SharedTime) -> None:
    with clock:
        clock.start_thread(lambda: clock.sleep(1000), "sleeper")


def test_a_thread_that_is_left_behind_fails_the_test() -> None:
    with pytest.raises(AssertionError, match=r"still run at the end of the test: sleeper\."):
        leave_thread(SharedTime())


def test_a_thread_that_does_not_take_part_is_refused(clock: SharedTime) -> None:
    errors: list[str] = []

    def sleep() -> None:
        try:
            clock.sleep(1)
        except AssertionError as error:
            errors.append(str(error))

    stranger = threading.Thread(target=sleep, name="stranger")
    stranger.start()
    stranger.join(PATIENCE_S)
    [error] = errors
    assert error.startswith("stranger does not take part. Start it by `start_thread`.")
