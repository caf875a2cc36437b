"""Wakes the delivery of web-hooks on one of the hosts. Without a broker the hosts find new deliveries themselves."""

from __future__ import annotations

import functools
import logging
import threading

import redis
from django.conf import settings
from kombu.exceptions import OperationalError

from core.jobs.wake import QUICK
from core.registry import resolve
from core.retrying_thread import RetryingThread

log = logging.getLogger(__name__)
TASK = "monitoring.wake_webhooks"
EXPIRES_S = 60.0


class WebhookWaker:
    """Sends the messages on a thread of its own: without a broker each takes about a second, for which the writer of an
    event must not wait. Several events in a row may share a message."""

    def __init__(self) -> None:
        self._wanted = threading.Event()
        RetryingThread("webhook-waker", self._send_next).start()

    def wake(self) -> None:
        """Returns at once. Any thread may call it."""
        self._wanted.set()

    def _send_next(self) -> None:
        self._wanted.wait()
        self._wanted.clear()
        send_wake_message()


@functools.cache
def webhook_waker() -> WebhookWaker:
    """The one of this process."""
    return WebhookWaker()


def send_wake_message() -> bool:
    """Returns whether the message was sent. One host takes it from the queue that all hosts share."""
    app = resolve(settings.CELERY_APP)
    try:
        with app.connection_for_write(transport_options=QUICK) as connection:
            app.send_task(TASK, expires=EXPIRES_S, ignore_result=True, connection=connection, retry=False)
    # As in core/jobs/wake.py.
    except (OperationalError, RuntimeError, OSError, redis.RedisError) as error:
        log.info("The delivery of web-hooks could not be woken: %s", error)
        return False
    return True
