"""One time for several threads of a test that use real sockets: it passes only while all of them wait.

While a thread works, the time stands still. When every thread waits, and no byte is on its way to one of them, the
time jumps to the earliest deadline. So an hour takes as long as the work in it, and each time-out is exact.
"""

from __future__ import annotations

import fcntl
import os
import select
import socket
import struct
import termios
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Self

from tests.harness.clocks.camera_clock import EVENING

PATIENCE_S = 30.0
"""Real seconds in which no thread begins or ends to wait: then the test has failed."""
SETTLE_S = 0.0003
"""Real time for what a closed socket still sends. Loopback delivers in the call that sends, or soon after."""
IN_FLIGHT_S = 0.005
"""Real time for bytes that are not acknowledged. The kernel may delay an acknowledgement by 40 ms, and bytes that the
other end does not read are never acknowledged; neither must stop the time."""
CONNECTING = frozenset({2, 3})
"""States of TCP: SYN sent, SYN received."""


@dataclass(eq=False, slots=True)
class Wait:
    """What one thread waits for."""

    thread: threading.Thread
    what: str
    wakeup: int
    """An eventfd that ends the thread's poll."""
    readers: Sequence[socket.socket] = ()
    writers: Sequence[socket.socket] = ()
    deadline: float | None = None
    ended: threading.Thread | None = None
    """The thread whose end it waits for."""
    is_over: bool = field(default=False, init=False)

    def end(self) -> None:
        self.is_over = True
        os.eventfd_write(self.wakeup, 1)

    def ready(self) -> list[socket.socket]:
        poll = select.poll()
        register(poll, self)
        found = {descriptor for descriptor, _ in poll.poll(0)}
        return [connection for connection in (*self.readers, *self.writers) if connection.fileno() in found]

    def poll(self, seconds: float) -> bool:
        """Whether a socket or the wake-up became ready."""
        poll = select.poll()
        register(poll, self)
        poll.register(self.wakeup, select.POLLIN)
        return bool(poll.poll(max(0.0, seconds) * 1000))


def register(poll: select.poll, wait: Wait) -> None:
    masks: dict[int, int] = {}
    for connections, mask in ((wait.readers, select.POLLIN), (wait.writers, select.POLLOUT)):
        for connection in connections:
            masks[connection.fileno()] = masks.get(connection.fileno(), 0) | mask
    for descriptor, mask in masks.items():
        poll.register(descriptor, mask)


def is_in_flight(connection: socket.socket) -> bool:
    """Whether the socket connects, or has sent what the other end has not acknowledged."""
    waiting = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4)) if is_connected(connection) else bytes(4)
    return struct.unpack("i", waiting)[0] > 0 or tcp_state(connection) in CONNECTING


def is_connected(connection: socket.socket) -> bool:
    return not connection.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)


def tcp_state(connection: socket.socket) -> int | None:
    if connection.family not in (socket.AF_INET, socket.AF_INET6) or connection.type != socket.SOCK_STREAM:
        return None
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]


class TimeEnded(BaseException):
    """Ends a thread of a test that has failed. No `except Exception` catches it."""


class SharedTime:
    """A `SocketClock` for the thread that creates it and for those that `start_thread` starts.

    At the end of the block, AssertionError if a thread still runs. The thread that creates it must not wait by anything
    else, such as `Thread.join` or a blocking `recv`: `join` and `outside` are for that.
    """

    def __init__(self, wall: float = EVENING, patience_s: float = PATIENCE_S) -> None:
        self._started_ns, self._patience_s = round(wall * 1e9), patience_s
        self._now = 0.0
        self.jumps = 0
        self._lock = threading.Lock()
        """Of everything below."""
        self._wakeups: dict[threading.Thread, int] = {}
        """The threads that take part. None may run while the time jumps."""
        self._waits: dict[threading.Thread, Wait] = {}
        self._failure = ""
        self._progress = time.monotonic()
        self._creator = threading.current_thread()
        self._add(self._creator)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        with self._lock:
            left = [thread for thread in self._wakeups if thread is not self._creator]
            if left:
                self._fail(f"Threads still run at the end of the test: {', '.join(one.name for one in left)}.")
        for thread in left:
            thread.join(self._patience_s)
        self._remove(self._creator)
        assert kind is not None or not self._failure, self._failure

    def wall_ns(self) -> int:
        return self._started_ns + round(self._now * 1e9)

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.wait_ready([], [], seconds)

    def wait_ready(
        self, readers: Sequence[socket.socket], writers: Sequence[socket.socket], seconds: float | None
    ) -> list[socket.socket]:
        wait = self._new_wait(f"{len(readers) + len(writers)} sockets" if readers or writers else "time")
        wait.readers, wait.writers = readers, writers
        ready = wait.ready()
        if ready or (seconds is not None and seconds <= 0):
            return ready
        wait.deadline = None if seconds is None else self._now + seconds
        self._run(wait)
        return wait.ready()

    def start_thread(self, run: Callable[[], None], name: str) -> threading.Thread:
        def run_and_leave() -> None:
            try:
                with suppress(TimeEnded):
                    run()
            finally:
                self._remove(thread)

        thread = threading.Thread(target=run_and_leave, name=name, daemon=True)
        # Before it starts: the time must not jump until it waits.
        self._add(thread)
        thread.start()
        return thread

    def join(self, thread: threading.Thread, within_s: float | None = None) -> bool:
        """Wait for the end of a thread of `start_thread`. False if it has not ended within this time of the clock."""
        wait = self._new_wait(f"the end of {thread.name}")
        wait.ended = thread
        wait.deadline = None if within_s is None else self._now + within_s
        self._run(wait)
        with self._lock:
            is_running = thread in self._wakeups
        if not is_running:
            thread.join(self._patience_s)
        return not is_running

    @contextmanager
    def outside(self) -> Iterator[None]:
        """The time passes while this thread is in the block, whether it waits there or not."""
        wait = self._new_wait("what is outside of the clock")
        with self._lock:
            self._begin(wait)
        try:
            yield
        finally:
            with self._lock:
                self._waits.pop(wait.thread, None)
                self._check()

    def _new_wait(self, what: str) -> Wait:
        thread = threading.current_thread()
        with self._lock:
            assert thread in self._wakeups, f"{thread.name} does not take part. Start it by `start_thread`."
            return Wait(thread, what, self._wakeups[thread])

    def _add(self, thread: threading.Thread) -> None:
        with self._lock:
            self._wakeups[thread] = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            self._progress = time.monotonic()

    def _remove(self, thread: threading.Thread) -> None:
        with self._lock:
            os.close(self._wakeups.pop(thread))
            for wait in [wait for wait in self._waits.values() if wait.ended is thread]:
                self._end(wait)
            self._progress = time.monotonic()
            self._advance()

    def _run(self, wait: Wait) -> None:
        """Until a socket is ready, or the deadline has come, or the thread has ended. AssertionError when the time
        stands still for too long."""
        with self._lock:
            if wait.ended is not None and wait.ended not in self._wakeups:
                return
            self._begin(wait)
        while True:
            wait.poll(self._progress + self._patience_s - time.monotonic())
            with self._lock:
                if not wait.is_over and not wait.ready():
                    if time.monotonic() >= self._progress + self._patience_s:
                        self._fail(f"The time has stood still for {self._patience_s:g} s. {self._describe()}")
                    if not self._failure:
                        continue
                self._waits.pop(wait.thread, None)
                self._progress = time.monotonic()
                if wait.is_over:
                    os.eventfd_read(wait.wakeup)
                self._check()
                return

    def _begin(self, wait: Wait) -> None:
        self._check()
        self._waits[wait.thread] = wait
        self._progress = time.monotonic()
        self._advance()

    def _end(self, wait: Wait) -> None:
        # At once, and not when the thread runs: until then it would count as one that waits.
        del self._waits[wait.thread]
        wait.end()

    def _advance(self) -> None:
        """Jump to the earliest deadline if every thread waits and nothing can wake one before."""
        deadlines = [wait.deadline for wait in self._waits.values() if wait.deadline is not None]
        if len(self._waits) < len(self._wakeups) or not deadlines or self._failure or self._is_anyone_ready():
            return
        self._now = max(self._now, min(deadlines))
        self.jumps += 1
        for wait in [wait for wait in self._waits.values() if wait.deadline is not None]:
            if wait.deadline is not None and wait.deadline <= self._now:
                self._end(wait)

    def _is_anyone_ready(self) -> bool:
        waits = list(self._waits.values())
        connections = {connection for wait in waits for connection in (*wait.readers, *wait.writers)}
        settled_at = time.monotonic() + IN_FLIGHT_S
        while not any(wait.ready() for wait in waits):
            if not any(map(is_in_flight, connections)) or time.monotonic() > settled_at:
                break
            time.sleep(SETTLE_S)
        time.sleep(SETTLE_S)
        return any(wait.ready() for wait in waits)

    def _check(self) -> None:
        if self._failure:
            raise AssertionError(self._failure) if threading.current_thread() is self._creator else TimeEnded

    def _fail(self, failure: str) -> None:
        self._failure = self._failure or failure
        for wait in list(self._waits.values()):
            self._end(wait)

    def _describe(self) -> str:
        waits = [f"{wait.thread.name} waits for {wait.what}" for wait in self._waits.values()]
        running = [f"{thread.name} runs" for thread in self._wakeups if thread not in self._waits]
        return "; ".join([*waits, *running]) + "."
