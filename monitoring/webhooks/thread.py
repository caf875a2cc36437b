"""`WebhookThread`: delivers what is due, in the jobs part of a host, and bounds what is stored: too long a backlog
loses its oldest deliveries, a web-hook that is off has none, and what has ended is removed after a while."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from core.deliveries.rows import worker_name
from core.deliveries.thread import Attempt, DeliveryThread, Due, ReceiverPool
from core.events.service import record_event
from core.events.severity import Severity
from monitoring.models import DeliveryState, Webhook, WebhookDelivery
from monitoring.webhooks.client import WebhookClient
from monitoring.webhooks.deliveries import cancel_pending, change_state, claim, due_deliveries, release_lost_leases
from monitoring.webhooks.outcomes import attempt_delivery, fail_killed

MAX_PENDING = 10_000
"""For each web-hook. It may be exceeded by what a station writes within a few seconds."""
FULL = f"Its web-hook had more than {MAX_PENDING:,} pending deliveries, and this was one of the oldest."
OFF = "The web-hook was switched off."
FAILED_AT_ONCE = 500
KEPT = timedelta(days=30)
MAX_ENDED = 20_000
"""Deliveries of a web-hook that are kept after their end, at any age: about 50 MB."""
REMOVED_AT_ONCE = 200
"""Fewer than of other rows: each has its attempts."""


def trim_backlogs(most: int = MAX_PENDING) -> None:
    """Fail the oldest deliveries of each web-hook beyond `most`, and cancel those of web-hooks that were switched off
    while an event was written."""
    pending = WebhookDelivery.objects.filter(state=DeliveryState.PENDING).order_by()
    counts: dict[UUID, int] = dict(pending.values_list("webhook").annotate(number=Count("id")))
    for webhook in Webhook.objects.filter(pk__in=counts, enabled=False):
        _cancel_waiting(webhook)
    for webhook in Webhook.objects.filter(enabled=True):
        number = counts.get(webhook.pk, 0)
        if number > most:
            _fail_oldest(webhook, number - most)
        elif webhook.overflowed_at is not None and number < most // 2:
            Webhook.objects.filter(pk=webhook.pk).update(overflowed_at=None)


def _cancel_waiting(webhook: Webhook) -> None:
    # A delivery with a lease is the test of a web-hook that is off.
    if WebhookDelivery.objects.filter(webhook=webhook, state=DeliveryState.PENDING, lease_until=None).exists():
        cancel_pending(webhook, OFF)


def _fail_oldest(webhook: Webhook, number: int) -> None:
    waiting = WebhookDelivery.objects.filter(webhook=webhook, state=DeliveryState.PENDING, lease_until=None)
    oldest = waiting.order_by("created_at", "id").values_list("pk", flat=True)
    with transaction.atomic():
        # One event for the whole time in which the backlog is too long.
        if Webhook.objects.filter(pk=webhook.pk, overflowed_at=None).update(overflowed_at=timezone.now()):
            record_event(
                "webhook.overflowed",
                f"The web-hook {webhook.name} has more than {MAX_PENDING:,} pending deliveries. The oldest ones fail.",
                camera=None,
                severity=Severity.ERROR,
                subject=webhook.pk,
            )
        for begin in range(0, number, FAILED_AT_ONCE):
            batch = list(oldest[: min(FAILED_AT_ONCE, number - begin)])
            rows = WebhookDelivery.objects.filter(pk__in=batch, lease_until=None)
            change_state(rows, DeliveryState.PENDING, DeliveryState.FAILED, error=FULL)


# What has ended; RETENTION lists it


def remove_deliveries() -> int:
    """Remove a batch of deliveries: those that ended more than 30 days ago, those of removed web-hooks, and the oldest
    ones beyond MAX_ENDED. Returns the number of rows."""
    old = WebhookDelivery.objects.filter(ended_at__lt=timezone.now() - KEPT)
    of_removed = WebhookDelivery.objects.exclude(webhook__removed_at=None).exclude(state=DeliveryState.PENDING)
    return _remove(old) or _remove(of_removed) or _remove_surplus() or _remove_webhooks()


def _remove(rows: QuerySet[WebhookDelivery]) -> int:
    batch = list(rows.order_by().values_list("pk", flat=True)[:REMOVED_AT_ONCE])
    return WebhookDelivery.objects.filter(pk__in=batch).delete()[0] if batch else 0


def _remove_surplus() -> int:
    for webhook in Webhook.objects.values_list("pk", flat=True):
        if oldest := _first_beyond(webhook):
            ended = WebhookDelivery.objects.filter(webhook=webhook).exclude(state=DeliveryState.PENDING)
            return _remove(ended.filter(created_at__lte=oldest.created_at))
    return 0


def _first_beyond(webhook: UUID) -> WebhookDelivery | None:
    ended = WebhookDelivery.objects.filter(webhook=webhook).exclude(state=DeliveryState.PENDING)
    return ended.only("created_at").order_by("-created_at", "-id")[MAX_ENDED : MAX_ENDED + 1].first()


def _remove_webhooks() -> int:
    empty = Webhook.objects.exclude(removed_at=None).filter(deliveries=None)
    return Webhook.objects.filter(pk__in=list(empty.values_list("pk", flat=True)[:REMOVED_AT_ONCE])).delete()[0]


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
