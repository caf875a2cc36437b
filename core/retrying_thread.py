"""`RetryingThread`: a thread that does the same work again and again, and goes on after errors."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.db import connection

from core.background import count_failure


class RetryingThread:
    """Calls `work` at once, then `interval_s` after each call has returned, and earlier when it is woken.

    An error is logged and counted under `name`, and the work is tried again after the interval, with a new database
    connection: the old one may be broken.
    """

    def __init__(self, name: str, work: Callable[[], object], interval_s: float) -> None:
        self._name, self._work, self._interval_s = name, work, interval_s
        self._awake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Work now, or once more after the current call. Any thread may call it."""
        self._awake.set()

    def is_stopping(self) -> bool:
        """Whether work that takes long is to end soon."""
        return self._stopping.is_set()

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
        while True:
            self._awake.clear()
            if self._stopping.is_set():  # read after the clear, which may have undone the wake-up of a stop
                break
            try:
                self._work()
            except Exception as error:  # noqa: BLE001 - logged and counted; the thread goes on
                count_failure(self._name, error)
                connection.close()
            self._awake.wait(self._interval_s)
        connection.close()
