"""What a check finds, and its deadline: a check that hangs on a disk or a device that does not answer is a finding
like others."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TypeVar

from core.registry import resolve

OK, WARNING, BROKEN = "ok", "warning", "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check: `state` is ok, warning or broken; `remedy` says what to do."""

    check: str
    state: str
    detail: str
    remedy: str = ""

    def body(self) -> dict[str, str]:
        return asdict(self)


T = TypeVar("T")


class TooSlow(Exception):
    """A check has not ended within its deadline. Its thread goes on until what it waits for answers."""


def run_within(seconds: float, function: Callable[[], T]) -> T:
    """The result of `function`, which runs in a thread of its own and raises nothing. It uses the caller's connection
    to the database. Raises TooSlow."""
    done: queue.SimpleQueue[T] = queue.SimpleQueue()
    connection = SharedConnection()

    def run() -> None:
        connection.use()
        done.put(function())
        connection.leave()

    threading.Thread(target=run, name="doctor-check", daemon=True).start()
    try:
        result = done.get(timeout=seconds)
    except queue.Empty:
        connection.abandon()
        raise TooSlow(f"It has not ended within {seconds:g} s.") from None
    connection.release()
    return result


class SharedConnection:
    """The caller's connection to the database, for one thread while the caller waits for it. None before Django is set
    up: then a check that needs it sets it up."""

    def __init__(self) -> None:
        self._connections = resolve("django.db.connections") if resolve("django.apps.apps").ready else None
        self._shared = self._connections["default"] if self._connections else None
        self._is_left = threading.Lock()
        if self._shared is not None:
            self._shared.inc_thread_sharing()

    def use(self) -> None:
        """In the thread."""
        if self._connections is not None:
            self._connections["default"] = self._shared

    def release(self) -> None:
        if self._shared is not None:
            self._shared.dec_thread_sharing()

    def abandon(self) -> None:
        """The thread may still be using it: the caller gets another one."""
        if self._connections is not None:
            del self._connections["default"]
        self.leave()

    def leave(self) -> None:
        """By the thread at its end, and by a caller that abandons it: the second of them closes it."""
        # Never released: the lock only tells which of the two is the first.
        if not self._is_left.acquire(blocking=False) and self._shared is not None:
            self._shared.close()
