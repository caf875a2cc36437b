"""Notices over Redis pub/sub: sent once, without waiting for an answer; lost when no one listens.

For news that is also in the database. A broker that is away or hangs does not delay the sender.
"""

from __future__ import annotations

import atexit
import functools
import json
import logging
import queue
import time
from dataclasses import dataclass
from typing import Generic, TypeVar

from core.broker import broker
from core.outages import describe_failure
from core.retrying_thread import RetryingThread

log = logging.getLogger(__name__)
MAX_WAITING = 500
AT_EXIT_S = 0.5
"""Further notices are dropped: a page that missed one finds it in the list."""


NoticeT = TypeVar("NoticeT")


@dataclass(frozen=True, slots=True)
class NoticeKind(Generic[NoticeT]):
    """Notices of one type (a TypedDict, sent as JSON), published on `<station>:<channel>`."""

    channel: str


class NoticePublisher:
    """Publishes the queued notices in order, on its own thread."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[tuple[str, str]] = queue.Queue(MAX_WAITING)
        self._away = False
        RetryingThread("notices", self._publish_next).start()

    def enqueue(self, channel: str, text: str) -> None:
        """Returns at once."""
        try:
            self._waiting.put_nowait((channel, text))
        except queue.Full:
            log.debug("A notice for %s was dropped.", channel)

    def finish(self, within_s: float) -> None:
        """Wait until the queued notices are published, at most `within_s` seconds."""
        until = time.monotonic() + within_s
        while self._waiting.unfinished_tasks and time.monotonic() < until:
            time.sleep(0.005)

    def _publish_next(self) -> None:
        channel, text = self._waiting.get()
        try:
            self._publish(channel, text)
        finally:
            self._waiting.task_done()

    def _publish(self, channel: str, text: str) -> None:
        try:
            broker.connection().publish(channel, text)
            self._away = False
        except broker.UNREACHABLE as error:
            if not self._away:
                log.warning("Notices are dropped while the broker does not answer: %s.", describe_failure(error))
            self._away = True


@functools.cache
def notice_publisher() -> NoticePublisher:
    publisher = NoticePublisher()
    # A command that ends at once, such as `skycam alerts ack`, would take its notice with it.
    atexit.register(publisher.finish, AT_EXIT_S)
    return publisher


def publish_notice(kind: NoticeKind[NoticeT], notice: NoticeT) -> None:
    """Send a notice to all web processes. Never waits and never fails."""
    notice_publisher().enqueue(broker.key(kind.channel), json.dumps(notice))
