"""`RetryingThread`: a thread that does the same work again and again, and goes on after errors."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from django.db import connection

from core.background import count_failure
from core.run_notes import RunNotes, known

RETRY_S = 0.5


class Gate(Protocol):
    """Such as `core.changes.gate.ChangeGate`."""

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
