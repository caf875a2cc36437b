"""Removes old deliveries with their attempts, and removed web-hooks; RETENTION lists it."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from monitoring.models import DeliveryState, Webhook, WebhookDelivery

KEPT = timedelta(days=30)
MAX_ENDED = 20_000
"""Deliveries of a web-hook that are kept after their end, at any age: about 50 MB."""
BATCH = 200
"""Fewer than of other rows: each has its attempts."""


def remove_deliveries() -> int:
    """Remove a batch of deliveries: those that ended more than 30 days ago, those of removed web-hooks, and the oldest
    ones beyond MAX_ENDED. Returns the number of rows."""
    old = WebhookDelivery.objects.filter(ended_at__lt=timezone.now() - KEPT)
    of_removed = WebhookDelivery.objects.exclude(webhook__removed_at=None).exclude(state=DeliveryState.PENDING)
    return _remove(old) or _remove(of_removed) or _remove_surplus() or _remove_webhooks()


def _remove(rows: QuerySet[WebhookDelivery]) -> int:
    batch = list(rows.order_by().values_list("pk", flat=True)[:BATCH])
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
    return Webhook.objects.filter(pk__in=list(empty.values_list("pk", flat=True)[:BATCH])).delete()[0]
