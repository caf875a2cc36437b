"""`RunNotes`: when the work of a thread last began and ended, and what came of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple


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
