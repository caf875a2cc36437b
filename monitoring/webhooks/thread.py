"""`WebhookThread`: delivers what is due, in the jobs part of a host."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from uuid import UUID

from django.conf import settings

from core.deliveries.leases import worker_name
from core.deliveries.pool import ReceiverPool
from core.deliveries.thread import Attempt, DeliveryThread, Due
from monitoring.models import DeliveryState, WebhookDelivery
from monitoring.webhooks.backlog import trim_backlogs
from monitoring.webhooks.client import WebhookClient
from monitoring.webhooks.deliveries import claim, due_deliveries, release_lost_leases
from monitoring.webhooks.outcomes import attempt_delivery, fail_killed

POOL = 8
FAILING = POOL // 2
"""The threads that web-hooks which fail or are slow may use."""
SLOW = 0.5
"""The share of the deadline from which on an attempt is slow. A receiver may also accept each delivery, and let its
answers drip until the deadline."""


class WebhookDeliveries:
    def __init__(self, host: str, client: WebhookClient | None = None) -> None:
        self._worker, self._client = worker_name(host), client or WebhookClient(settings.STATION.outgoing)

    def maintain(self) -> None:
        if release_lost_leases():
            fail_killed()
        trim_backlogs()

    def due(self) -> Iterable[Due]:
        return due_deliveries()

    def attempt(self, delivery: UUID) -> Attempt | None:
        found = claim(delivery, self._worker)
        if found is None:
            return None
        answer = attempt_delivery(found, self._client)
        return Attempt(is_slow=answer.duration_s > SLOW * self._client.deadline_s)

    def depends_on_time(self) -> bool:
        return WebhookDelivery.objects.filter(state=DeliveryState.PENDING).exists()


class WebhookThread(DeliveryThread):
    """That of a host. A web-hook sends one delivery at a time."""

    def __init__(self, host: str, client: WebhookClient | None = None, poll_s: float | None = None) -> None:
        super().__init__("webhooks", WebhookDeliveries(host, client), ReceiverPool(POOL, FAILING), poll_s=poll_s)


@functools.cache
def local_thread(host: str) -> WebhookThread:
    """The one of this process."""
    return WebhookThread(host)
