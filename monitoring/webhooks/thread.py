"""`WebhookThread`: delivers what is due, in the jobs part of a host."""

from __future__ import annotations

import functools
import os
import socket
import threading
import time
from uuid import UUID

import uuid6
from django.conf import settings
from django.db import connection

from core.background import log_and_continue
from core.changes.gate import ChangeGate, read_again
from core.retrying_thread import RetryingThread
from monitoring.models import DeliveryState, WebhookDelivery
from monitoring.webhooks.backlog import trim_backlogs
from monitoring.webhooks.claims import claim, due_deliveries, release_lost_leases
from monitoring.webhooks.client import WebhookClient
from monitoring.webhooks.delivery import attempt_delivery
from monitoring.webhooks.outcomes import fail_killed

POLL_S = 5.0
"""Between two searches, also while no message wakes the thread."""
POOL = 8
FAILING = POOL // 2
"""The threads that web-hooks which fail or are slow may use, so that those that hang leave room for the others."""
SLOW = 0.5
"""The share of the deadline from which on an attempt is slow. A receiver may also accept each delivery, and let its
answers drip until the deadline."""


class WebhookThread:
    """Searches for deliveries that are due, and sends each from a thread of a bounded pool. The rows are the truth, so
    that a kill at any moment loses nothing; `wake` only makes it search at once."""

    def __init__(self, host: str, client: WebhookClient | None = None, poll_s: float = POLL_S) -> None:
        self._name = f"{host}:{socket.gethostname()[:30]}:{os.getpid()}:{uuid6.uuid7().hex[-12:]}"[:120]
        self._client = client or WebhookClient(settings.STATION.outgoing)
        self._thread = RetryingThread("webhooks", self._start_due, poll_s, gate=ChangeGate())
        self._poll_s, self._maintained_at = poll_s, float("-inf")
        self._lock = threading.Lock()
        self._sending: dict[UUID, bool] = {}
        """Web-hooks with a thread -> whether it was failing or slow. Under the lock."""
        self._slow = set[UUID]()
        """Those whose last attempt was slow. Under the lock."""

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Search now. Any thread may call it."""
        self._thread.wake()

    def stop(self, within_s: float = 1.0) -> None:
        """An attempt that still runs ends with the process. Its delivery is repeated after its lease."""
        until = time.monotonic() + within_s
        self._thread.stop(within_s)
        while self._sending and time.monotonic() < until:
            time.sleep(0.02)

    def _start_due(self) -> None:
        self._maintain()
        for webhook, delivery, failing in due_deliveries():
            if not self._thread.is_stopping() and self._reserve(webhook, failing):
                name = f"webhook-{webhook}"
                threading.Thread(target=self._send, args=(webhook, delivery), name=name, daemon=True).start()

        read_again(WebhookDelivery.objects.filter(state=DeliveryState.PENDING).exists)

    def _maintain(self) -> None:
        """Once in `poll_s`: too expensive for each event that wakes the thread."""
        if time.monotonic() - self._maintained_at >= self._poll_s:
            if release_lost_leases():
                fail_killed()
            trim_backlogs()
            self._maintained_at = time.monotonic()

    def _reserve(self, webhook: UUID, failing: bool) -> bool:
        with self._lock:
            failing = failing or webhook in self._slow
            full = len(self._sending) >= POOL or (failing and sum(self._sending.values()) >= FAILING)
            if full or webhook in self._sending:
                return False
            self._sending[webhook] = failing
            return True

    def _send(self, webhook: UUID, delivery: UUID) -> None:
        attempted = False
        try:
            with log_and_continue("webhooks"):
                attempted = self._attempt(webhook, delivery)
        finally:
            # The connection of a thread that ends would stay open.
            connection.close()
            with self._lock:
                del self._sending[webhook]
        # For its next delivery, or a web-hook that waits for the pool. Not after an error, which would come back
        # without a pause.
        if attempted:
            self._thread.wake()

    def _attempt(self, webhook: UUID, delivery: UUID) -> bool:
        found = claim(delivery, self._name)
        if found is not None:
            answer = attempt_delivery(found, self._client)
            with self._lock:
                change = self._slow.add if answer.duration_s > SLOW * self._client.deadline_s else self._slow.discard
                change(webhook)
        return found is not None


@functools.cache
def local_thread(host: str) -> WebhookThread:
    """The one of this process."""
    return WebhookThread(host)
