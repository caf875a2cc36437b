"""`RetryingThread`: a thread that does the same work again and again, and goes on after errors; and `RunNotes`: when
its work last began and ended, and what came of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from django.db import connection

from core.background import count_failure


class LastRun(NamedTuple):
    """Times are those of time.monotonic()."""

    began_at: float | None = None
    """Of the run that lasts; None between two runs."""
    ended_at: float | None = None
    """Of the last run without an error; None before the first."""
    took_s: float | None = None
    pause_s: float = 0.0
    """From the end of a run to the next one."""
    error: str = ""
    """The class of the last run's error; empty after a run without one. Its text may name cameras that not everyone
    may see."""
    failed_at: float | None = None


class RunNotes:
    """The notes on one thread: it alone writes them, and any thread may read `last`, which is replaced whole."""

    def __init__(self, task: str, subject: str = "", pause_s: float = 0.0) -> None:
        """`subject` tells threads of the same task apart."""
        self.task, self.subject = task, subject
        self.since = time.monotonic()
        self.last = LastRun(pause_s=pause_s)

    def begin(self) -> None:
        self.last = self.last._replace(began_at=time.monotonic())

    def end(self, pause_s: float) -> None:
        now = time.monotonic()
        self.last = LastRun(ended_at=now, took_s=self._took_s(now), pause_s=pause_s)

    def fail(self, error: BaseException, pause_s: float) -> None:
        now, name = time.monotonic(), type(error).__name__
        self.last = LastRun(None, self.last.ended_at, self._took_s(now), pause_s, name, now)

    def _took_s(self, now: float) -> float | None:
        return None if self.last.began_at is None else now - self.last.began_at


_lock = threading.Lock()
_known: set[RunNotes] = set()


@contextmanager
def known(notes: RunNotes) -> Iterator[None]:
    """For as long as its thread runs."""
    add_notes(notes)
    try:
        yield
    finally:
        with _lock:
            _known.discard(notes)


def add_notes(notes: RunNotes) -> None:
    """For as long as this process runs."""
    with _lock:
        _known.add(notes)


def known_notes() -> list[RunNotes]:
    """Those of all threads of this process that repeat their work."""
    with _lock:
        return list(_known)


RETRY_S = 0.5


class Gate(Protocol):
    """Such as `core.changes.ChangeGate`."""

    def call(self, work: Callable[[], float | None], /) -> float | None: ...

    def call_now(self, work: Callable[[], float | None], /) -> float | None: ...


class RetryingThread:
    """Calls `work` at once, then `interval_s` after each call has returned, and earlier when it is woken. `work` may
    return other seconds to wait this time. At the end it calls `at_end`.

    An error is logged and counted under `name` and passed to `on_error`. The work is then tried again after the
    interval, with a new database connection: the old one may be broken. `notes` are on its runs.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], float | None],
        interval_s: float = 0.0,
        at_end: Callable[[], None] | None = None,
        on_error: Callable[[Exception], None] | None = None,
        awake: threading.Event | None = None,
        retry_s: float = RETRY_S,
        gate: Gate | None = None,
    ) -> None:
        """`awake` is an event that other parts set to wake the thread; `retry_s` is the shortest pause after an
        error. `gate` decides at the end of an interval whether there is work; after a wake-up there is."""
        self._name, self._work, self._interval_s, self._retry_s = name, work, interval_s, retry_s
        self._gate, self._is_woken = gate, True
        self.notes = RunNotes(name)
        self._at_end, self._on_error = at_end, on_error
        self._awake, self._stopping = awake or threading.Event(), threading.Event()
        # A daemon, so that a call which hangs does not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Work now, or once more after the current call. Any thread may call it."""
        self._awake.set()

    def is_stopping(self) -> bool:
        """Whether work that takes long is to end soon."""
        return self._stopping.is_set()

    def pause(self, seconds: float) -> None:
        """Wait within the work; a stop ends the wait."""
        self._stopping.wait(seconds)

    def request_stop(self) -> None:
        """Returns at once; for signal handlers."""
        self._stopping.set()
        self._awake.set()

    def stop(self, within_s: float) -> None:
        """Stop, and wait for the current call at most `within_s`. Also before the start, and again."""
        self.request_stop()
        if self._thread.is_alive():
            self._thread.join(within_s)

    def _run(self) -> None:
        with known(self.notes):
            while True:
                self._awake.clear()
                if self._stopping.is_set():  # read after the clear, which may have undone the wake-up of a stop
                    break
                self._is_woken = self._awake.wait(self._call(self._work_if_due))
            if self._at_end is not None:
                self._call(self._at_end)
        # Django keeps a connection for each thread and closes only those of requests.
        connection.close()

    def _work_if_due(self) -> float | None:
        if self._gate is None:
            return self._work()
        return self._gate.call_now(self._work) if self._is_woken else self._gate.call(self._work)

    def _call(self, work: Callable[[], float | None]) -> float:
        """Seconds until the next call."""
        self.notes.begin()
        try:
            found = work()
        except Exception as error:  # noqa: BLE001 - logged, counted and passed on; the thread goes on
            count_failure(self._name, error)
            # Work without an interval waits in the call itself; an error at its beginning would repeat it without a
            # pause.
            pause_s = max(self._interval_s, self._retry_s)
            self.notes.fail(error, pause_s)
            connection.close()
            if self._on_error is not None:
                self._on_error(error)
            return pause_s
        pause_s = self._interval_s if found is None else found
        self.notes.end(pause_s)
        return pause_s
