"""Bounds what waits: too long a backlog loses its oldest deliveries, and a web-hook that is off has none."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from core.events.service import record_event
from core.events.severity import Severity
from monitoring.models import DeliveryState, Webhook, WebhookDelivery
from monitoring.webhooks.transitions import cancel_pending, change_state

MAX_PENDING = 10_000
"""For each web-hook. It may be exceeded by what a station writes within a few seconds."""
FULL = f"Its web-hook had more than {MAX_PENDING:,} pending deliveries, and this was one of the oldest."
OFF = "The web-hook was switched off."
BATCH = 500


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
        for begin in range(0, number, BATCH):
            batch = list(oldest[: min(BATCH, number - begin)])
            rows = WebhookDelivery.objects.filter(pk__in=batch, lease_until=None)
            change_state(rows, DeliveryState.PENDING, DeliveryState.FAILED, error=FULL)
