"""Requests that hold a thread while they wait for something: only so many, so that quick ones find a thread."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from core.refusals import count_refusal


class TooManyWaiting(Exception):
    """The message says what the limit is."""

    retry_s = 2


class WaitLimiter:
    """`most` in all, `most_per_user` of one user. For many threads."""

    def __init__(self, name: str, most: int, most_per_user: int) -> None:
        self.name, self.most, self.most_per_user = name, most, most_per_user
        self._users: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def slot(self, user: str) -> Iterator[None]:
        """TooManyWaiting."""
        with self._lock:
            self._check(user)
            self._users[user] += 1
        try:
            yield
        finally:
            with self._lock:
                self._users[user] -= 1
                self._users += Counter()  # forgets users without a place

    def _check(self, user: str) -> None:
        if self._users[user] >= self.most_per_user:
            count_refusal(f"waiting for {self.name}, one user")
            raise TooManyWaiting(
                f"At most {self.most_per_user} requests of one user wait for {self.name} at a time, and so many do."
            )
        if self._users.total() >= self.most:
            count_refusal(f"waiting for {self.name}")
            raise TooManyWaiting(f"At most {self.most} requests wait for {self.name} at a time, and so many do.")
