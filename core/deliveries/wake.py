"""Celery messages that make a host search for what is due at once. Without a broker it searches by itself."""

from __future__ import annotations

import logging
import threading

import redis
from django.conf import settings
from kombu.exceptions import OperationalError

from core.registry import resolve
from core.retrying_thread import RetryingThread

log = logging.getLogger(__name__)
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
