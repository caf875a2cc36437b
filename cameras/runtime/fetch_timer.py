"""The time that fetching a picture takes."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator


class FetchTimer:
    """By how many seconds the fetch in progress is overdue. Its time stands still while an exposure runs, because a
    camera may transfer a picture as part of its next exposure. `now` gives seconds.

    The still thread times fetches, the camera loop's thread pauses them, and any thread reads. `_lock` guards all
    fields.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._left_s: float | None = None
        """What was left at `_since`; None while nothing is fetched."""
        self._since = 0.0
        self._is_paused = False

    @contextlib.contextmanager
    def time_fetch(self, allowed_s: float) -> Iterator[None]:
        """Around a fetch."""
        with self._lock:
            self._left_s, self._since = allowed_s, self._now()
        try:
            yield
        finally:
            with self._lock:
                self._left_s = None

    @contextlib.contextmanager
    def pause(self) -> Iterator[None]:
        """Around an exposure."""
        with self._lock:
            if self._left_s is not None:
                self._left_s -= self._now() - self._since
            self._is_paused = True
        try:
            yield
        finally:
            with self._lock:
                self._is_paused, self._since = False, self._now()

    @property
    def overdue_s(self) -> float:
        """0 while nothing is fetched, or while an exposure runs."""
        with self._lock:
            if self._left_s is None or self._is_paused:
                return 0.0
            return max(0.0, self._now() - self._since - self._left_s)
