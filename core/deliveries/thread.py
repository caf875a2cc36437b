"""`DeliveryThread`: searches for what is due, and attempts each on a thread of a bounded pool that is fair to the
receivers that work; and `Waker`: Celery messages that make a host search at once. Without a broker it searches by
itself."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Hashable, Iterable
from typing import Any, NamedTuple, Protocol

import redis
from django.conf import settings
from django.db import connection
from kombu.exceptions import OperationalError

from core.background import log_and_continue
from core.changes import read_again
from core.periodic.thread import PeriodicThread
from core.registry import resolve
from core.retrying_thread import RetryingThread

log = logging.getLogger(__name__)


class ReceiverPool:
    """At most `size` receivers at a time, each once. At most `failing` of them fail or are slow, so that those that
    hang leave room for the others. Any thread may call it."""

    def __init__(self, size: int, failing: int | None = None) -> None:
        self._size, self._failing = size, size if failing is None else failing
        self._changed = threading.Condition()
        self._busy: dict[Hashable, bool] = {}
        """Receivers with a thread -> whether it was failing or slow. Under the lock."""
        self._slow = set[Hashable]()
        """Those whose last attempt was slow. Under the lock."""

    def reserve(self, receiver: Hashable, *, is_failing: bool = False) -> bool:
        """A thread for the receiver; False if it has one, or if none is left for it."""
        with self._changed:
            is_failing = is_failing or receiver in self._slow
            full = len(self._busy) >= self._size or (is_failing and sum(self._busy.values()) >= self._failing)
            if full or receiver in self._busy:
                return False
            self._busy[receiver] = is_failing
            return True

    def release(self, receiver: Hashable, *, was_slow: bool | None = None) -> None:
        """The end of its attempt. `was_slow`: None if that is not known."""
        with self._changed:
            del self._busy[receiver]
            if was_slow is not None:
                (self._slow.add if was_slow else self._slow.discard)(receiver)
            self._changed.notify_all()

    def is_full(self) -> bool:
        with self._changed:
            return len(self._busy) >= self._size

    def wait_until_empty(self, within_s: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._busy, within_s)


class Due(NamedTuple):
    """What may be attempted now, and for which receiver; a receiver that fails has fewer threads."""

    receiver: Hashable
    item: Any
    is_failing: bool = False


class Attempt(NamedTuple):
    """`is_slow`: whether it took so long that others must not wait for its receiver."""

    is_slow: bool = False


class Deliveries(Protocol):
    """What a DeliveryThread delivers. Each function asks the database: the rows are the truth, so that a kill at any
    moment loses nothing."""

    def maintain(self) -> None:
        """What is to be done from time to time, such as the release of lost leases. On the thread that searches."""

    def due(self) -> Iterable[Due]:
        """The one that waits longest comes first. On the thread that searches."""

    def attempt(self, item: Any) -> Attempt | None:
        """Take and attempt what was due; None if another process has taken it. On a thread of the pool."""

    def depends_on_time(self) -> bool:
        """Whether something may be due later although no row changes. On the thread that searches."""


class DeliveryThread:
    """The one of a process for its `deliveries`. `task` has its interval in the table of periodic work, and errors are
    counted under its name. `wake` only makes it search at once: it searches at each interval, if the database may have
    changed. `poll_s` is for tests."""

    def __init__(
        self, task: str, deliveries: Deliveries, pool: ReceiverPool, *, poll_s: float | None = None,
        maintain_s: float | None = None,
    ) -> None:  # fmt: skip
        self._name, self._deliveries, self._pool = task, deliveries, pool
        self._thread = PeriodicThread(task, self._search, interval_s=poll_s)
        # Too expensive for each event that wakes the thread.
        self._maintain_s = self._thread.interval_s if maintain_s is None else maintain_s
        self._maintained_at = float("-inf")

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Search now. Any thread may call it."""
        self._thread.wake()

    def is_stopping(self) -> bool:
        """Whether an attempt that takes long is to end soon."""
        return self._thread.is_stopping()

    def request_stop(self) -> None:
        """Returns at once; for signal handlers."""
        self._thread.request_stop()

    def stop(self, within_s: float = 1.0) -> None:
        """An attempt that still runs ends with the process, and is repeated after its lease."""
        until = time.monotonic() + within_s
        self._thread.stop(within_s)
        self._pool.wait_until_empty(max(0.0, until - time.monotonic()))

    def _search(self) -> None:
        if time.monotonic() - self._maintained_at >= self._maintain_s:
            self._deliveries.maintain()
            self._maintained_at = time.monotonic()
        if not self._pool.is_full():
            for due in self._deliveries.due():
                if self._thread.is_stopping():
                    return
                if self._pool.reserve(due.receiver, is_failing=due.is_failing):
                    self._start(due)
        read_again(lambda: self._pool.is_full() or self._deliveries.depends_on_time())

    def _start(self, due: Due) -> None:
        name = f"{self._name}-{due.receiver}"
        try:
            # A daemon, so that an attempt which hangs does not keep the process from ending.
            threading.Thread(target=self._attempt, args=(due,), name=name, daemon=True).start()
        except BaseException:
            self._pool.release(due.receiver)
            raise

    def _attempt(self, due: Due) -> None:
        attempt = None
        try:
            with log_and_continue(self._name):
                attempt = self._deliveries.attempt(due.item)
        finally:
            # The connection of a thread that ends would stay open.
            connection.close()
            self._pool.release(due.receiver, was_slow=None if attempt is None else attempt.is_slow)
        # For the next one of the receiver, or of one that waits for the pool. Not after an error, which would come back
        # without a pause.
        if attempt is not None:
            self._thread.wake()


QUICK = {"socket_timeout": 1.0, "max_retries": 1, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.2}
"""Otherwise kombu tries to connect for some seconds, and waits for a broker that hangs."""
EXPIRES_S = 60.0
"""A host that was away longer searches when it starts."""


def send_wake_message(task: str, queue: str = "") -> bool:
    """Whether the message was sent. One of a `queue` replaces those that still wait there, so that they do not pile up
    for a host that is gone; another one is taken by one of all hosts. About a second while the broker does not
    answer."""
    app, options = resolve(settings.CELERY_APP), {"queue": queue} if queue else {}
    try:
        with app.connection_for_write(transport_options=QUICK) as connection:
            if queue:
                # Not atomic with the sending: another sender's message may be purged, but ours, which replaces it,
                # does the same.
                connection.default_channel.queue_purge(queue)
            app.send_task(task, expires=EXPIRES_S, ignore_result=True, connection=connection, retry=False, **options)
    # For a broker that is away Celery and kombu raise the first two (measured with Celery 5.7); the purge raises
    # those of redis-py itself.
    except (OperationalError, RuntimeError, OSError, redis.RedisError) as error:
        log.info("The message %s could not be sent: %s", task, error)
        return False
    return True


class Waker:
    """Sends messages on a thread of its own: without a broker each takes about a second, for which the writer of an
    event must not wait. Several events in a row may share a message."""

    def __init__(self, name: str, task: str) -> None:
        self._task, self._wanted = task, threading.Event()
        RetryingThread(name, self._send_next).start()

    def wake(self) -> None:
        """Returns at once. Any thread may call it."""
        self._wanted.set()

    def _send_next(self) -> None:
        self._wanted.wait()
        self._wanted.clear()
        send_wake_message(self._task)
