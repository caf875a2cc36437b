"""What limits refuse, as a counter for Prometheus; and the limit of requests that hold a thread while they wait for
something, so that quick requests still get a thread."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter as PrometheusCounter

REFUSED = PrometheusCounter(
    "skycam_requests_refused_total",
    "Connections, requests and sockets that were refused or cut off, by limit.",
    ["limit"],
)


def count_refusal(limit: str) -> None:
    REFUSED.labels(limit).inc()


class TooManyWaiting(Exception):
    """The message names the limit."""

    retry_s = 2


class WaitLimiter:
    """Allows `most` waiting requests in total and `most_per_user` of one user. Thread-safe."""

    def __init__(self, name: str, most: int, most_per_user: int) -> None:
        self.name, self.most, self.most_per_user = name, most, most_per_user
        self._users: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def waiting(self) -> dict[str, int]:
        """How many requests wait, by user; a user without one is not listed."""
        with self._lock:
            return dict(self._users)

    @contextmanager
    def slot(self, user: str) -> Iterator[None]:
        """Hold a slot while the request waits. Raises TooManyWaiting."""
        # Check and count under one lock, so that of many requests at once no more than allowed pass. A request over the
        # limit is refused and not queued: waiting here, it would hold the thread that the limit keeps free.
        with self._lock:
            self._check(user)
            self._users[user] += 1
        try:
            yield
        finally:
            with self._lock:
                self._users[user] -= 1
                self._users += Counter()  # drops users without a slot

    def _check(self, user: str) -> None:
        if self._users[user] >= self.most_per_user:
            count_refusal(f"waiting for {self.name}, one user")
            raise TooManyWaiting(
                f"At most {self.most_per_user} requests of one user may wait for {self.name} at a time."
            )
        if self._users.total() >= self.most:
            count_refusal(f"waiting for {self.name}")
            raise TooManyWaiting(f"At most {self.most} requests may wait for {self.name} at a time.")
