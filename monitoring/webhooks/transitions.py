"""Moves of deliveries from one state to another: one conditional UPDATE each."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from core.slices import slices_of
from monitoring.models import DeliveryState, Webhook, WebhookDelivery
from monitoring.webhook_models import DELIVERY_TRANSITIONS


def change_state(
    rows: QuerySet[WebhookDelivery], before: DeliveryState, after: DeliveryState, **fields: Any
) -> int:  # fmt: skip
    """Move those of `rows` that are in the state `before`; returns their number. ValueError for a move that
    DELIVERY_TRANSITIONS does not have."""
    if after not in DELIVERY_TRANSITIONS[before]:
        raise ValueError(f"A delivery does not go from {before} to {after}.")
    ended_at = None if after == DeliveryState.PENDING else timezone.now()
    return rows.filter(state=before).update(state=after, ended_at=ended_at, lease_until=None, worker="", **fields)


def cancel_pending(webhook: Webhook, reason: str) -> int:
    """Cancel what waits; returns the number of deliveries. A request that is on its way is not called back. Not in a
    transaction: there may be ten thousand. After a kill, `trim_backlogs` cancels the rest."""
    pending = WebhookDelivery.objects.filter(webhook=webhook, state=DeliveryState.PENDING)
    return sum(
        change_state(pending.filter(pk__in=keys), DeliveryState.PENDING, DeliveryState.CANCELLED, error=reason)
        for keys in slices_of(pending)
    )
